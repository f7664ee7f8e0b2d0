// e^x, log x and tanh x for W floats, written with operators only. Largest errors against float64,
// measured over all float32 exponents: exp 1 ulp, log 1 ulp, tanh 2 ulp. Polynomials: Cephes
// (S. L. Moshier), expf.c, logf.c, tanhf.c. Doubles use the device's own functions.

static inline v_float st_exp_float(v_float x) {
  // Outside [-104, 89] the result is 0 or infinity anyway; NaN passes both comparisons.
  x = x < -104.0f ? (v_float)(-104.0f) : x;
  x = x > 89.0f ? (v_float)(89.0f) : x;
  // Adding 1.5 * 2^23 rounds to an integer, which then lies in the low bits.
  const v_float shifted = x * 1.44269504f + 12582912.0f;
  const v_float n = shifted - 12582912.0f;
  v_float r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  v_float p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  // Two factors 2^half and 2^rest, so that denormal results and infinity come out right.
  const v_int power = REINTERPRET(int, shifted) - 0x4B400000;
  const v_int half_power = power >> 1;
  const v_float scale = REINTERPRET(float, (half_power + 127) << 23);
  const v_float rest = REINTERPRET(float, (power - half_power + 127) << 23);
  return p * scale * rest;
}

static inline v_float st_log_float(v_float x) {
  const v_float tiny = x < 1.17549435e-38f ? (v_float)(1.0f) : (v_float)(0.0f);
  const v_float normal = tiny > 0.0f ? x * 8388608.0f : x;
  const v_int bits = REINTERPRET(int, normal);
  v_float e = CONVERT(float, (bits >> 23) - 126) - tiny * 23.0f;
  v_float m = REINTERPRET(float, (bits & 0x007FFFFF) | 0x3F000000);
  const v_float small = m < 0.707106781f ? (v_float)(1.0f) : (v_float)(0.0f);
  e = e - small;
  m = m + small * m - 1.0f;
  const v_float z = m * m;
  v_float p = m * 7.0376836292e-2f - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  p = p * m * z - e * 2.12194440e-4f;
  p = p - 0.5f * z;
  p = m + p + e * 0.693359375f;
  p = x == 0.0f ? (v_float)(-INFINITY) : p;
  p = x == INFINITY ? x : p;
  return ((x < 0.0f) | (x != x)) ? (v_float)(NAN) : p;
}

static inline v_float st_tanh_float(v_float x) {
  const v_float z = x * x;
  v_float p = z * -5.70498872745e-3f + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const v_float near = p * z * x + x;
  const v_float size = x < 0.0f ? -x : x;
  const v_float far = 1.0f - 2.0f / (st_exp_float(size + size) + 1.0f);
  return size < 0.625f ? near : x < 0.0f ? -far : x != x ? x : far;
}
#ifdef cl_khr_fp64
static inline v_double st_exp_double(v_double x) { return exp(x); }
static inline v_double st_log_double(v_double x) { return log(x); }
static inline v_double st_tanh_double(v_double x) { return tanh(x); }
#endif
