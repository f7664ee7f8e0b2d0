// The width of a column panel of B, for gemm.cl and pack.cl alike.
#define VECTORS 4
#define COLUMNS (VECTORS * W)
#define MIN(a, b) ((a) < (b) ? (a) : (b))
