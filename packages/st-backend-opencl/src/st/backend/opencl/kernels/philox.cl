// Random words: Philox4x64-10 (Salmon and others 2011, "Parallel random numbers: as easy as 1, 2,
// 3", section 3.3). Block b is the counter (b, 0, step, 0) under the key (seed, stream): four words.

// The upper half of x * m, from products of 32 bits, which CPUs have for vectors.
static inline v_ulong upper(v_ulong x, const ulong m) {
  const ulong low_m = m & 0xFFFFFFFFul, high_m = m >> 32;
  const v_ulong low = x & 0xFFFFFFFFul, high = x >> 32;
  const v_ulong middle = high * low_m + ((low * low_m) >> 32);
  const v_ulong other = low * high_m + (middle & 0xFFFFFFFFul);
  return high * high_m + (middle >> 32) + (other >> 32);
}

WORK_GROUP __kernel void philox(
    __global ulong *out, const long out_offset, const long n,
    __global const ulong *seed, const long seed_offset, const long seed_stride,
    const long stream) {
  const Share blocks = share((n + 3) / 4, W, 0);
  const ulong first_key = seed[seed_offset], step = seed[seed_offset + seed_stride];
  ulong numbers[W];
  for (int i = 0; i < W; ++i) numbers[i] = i;
  out += out_offset;
  for (long block = blocks.begin; block < blocks.end; block += blocks.step) {
    v_ulong a = *(u_ulong *)numbers + (v_ulong)((ulong)block);
    v_ulong b = (v_ulong)(0), c = (v_ulong)(step), d = (v_ulong)(0);
    ulong key = first_key, other_key = (ulong)stream;
    for (int round = 0; round < 10; ++round) {
      const v_ulong high = upper(a, 0xD2E7470EE14C6C93ul), low = a * 0xD2E7470EE14C6C93ul;
      const v_ulong high2 = upper(c, 0xCA5A826395121157ul), low2 = c * 0xCA5A826395121157ul;
      a = high2 ^ b ^ key;
      b = low2;
      c = high ^ d ^ other_key;
      d = low;
      key += 0x9E3779B97F4A7C15ul;
      other_key += 0xBB67AE8584CAA73Bul;
    }
    ulong words[4][W];
    *(u_ulong *)words[0] = a;
    *(u_ulong *)words[1] = b;
    *(u_ulong *)words[2] = c;
    *(u_ulong *)words[3] = d;
    const long left = n - 4 * block;
    for (int i = 0; i < 4 * W && i < left; ++i) out[4 * block + i] = words[i % 4][i / 4];
  }
}
