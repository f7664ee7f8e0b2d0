// The width of a column panel of B, for gemm.cl and pack.cl alike. Given: VECTORS.
#define COLUMNS (VECTORS * W)
#define MIN(a, b) ((a) < (b) ? (a) : (b))
