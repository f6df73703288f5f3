#include "CVarveSHA256.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#include "constants.h"

bool varve_sha256_sixteen_is_supported(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return false;
  // The system must save all of the vector registers (XCR0: SSE, AVX, opmask, ZMM).
  unsigned enabled, high;
  __asm__("xgetbv" : "=a"(enabled), "=d"(high) : "c"(0));
  if ((enabled & 0xe6) != 0xe6) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX512F) && (b & bit_AVX512BW);
}

#define TARGET __attribute__((target("avx512f,avx512bw")))
#define UNROLL _Pragma("clang loop unroll(full)")

// A sum stays as it is written: the compiler would reorder additions, and so put more of them behind
// the value that comes last. (768 cycles a block instead of 640, AMD Zen 5.)
#define KEEP(sum) __asm__("" : "+v"(sum))

TARGET static inline __m512i parity(__m512i x, __m512i y, __m512i z) {
  return _mm512_ternarylogic_epi32(x, y, z, 0x96);
}

// FIPS 180-4, section 4.1.2.
TARGET static inline __m512i choose(__m512i x, __m512i y, __m512i z) {
  return _mm512_ternarylogic_epi32(x, y, z, 0xca);
}

TARGET static inline __m512i majority(__m512i x, __m512i y, __m512i z) {
  return _mm512_ternarylogic_epi32(x, y, z, 0xe8);
}

#define ADD _mm512_add_epi32
#define ROTATIONS(x, r1, r2, r3) \
  parity(_mm512_ror_epi32(x, r1), _mm512_ror_epi32(x, r2), _mm512_ror_epi32(x, r3))
#define SHIFTED(x, r1, r2, s) \
  parity(_mm512_ror_epi32(x, r1), _mm512_ror_epi32(x, r2), _mm512_srli_epi32(x, s))

// Sixteen rows of sixteen words become columns.
TARGET static inline void transpose(__m512i row[16]) {
  __m512i part[16];
  UNROLL for (int i = 0; i < 8; i++) {
    part[2 * i] = _mm512_unpacklo_epi32(row[2 * i], row[2 * i + 1]);
    part[2 * i + 1] = _mm512_unpackhi_epi32(row[2 * i], row[2 * i + 1]);
  }
  UNROLL for (int i = 0; i < 4; i++) {
    row[4 * i] = _mm512_unpacklo_epi64(part[4 * i], part[4 * i + 2]);
    row[4 * i + 1] = _mm512_unpackhi_epi64(part[4 * i], part[4 * i + 2]);
    row[4 * i + 2] = _mm512_unpacklo_epi64(part[4 * i + 1], part[4 * i + 3]);
    row[4 * i + 3] = _mm512_unpackhi_epi64(part[4 * i + 1], part[4 * i + 3]);
  }
  UNROLL for (int i = 0; i < 4; i++) {
    const __m512i even01 = _mm512_shuffle_i32x4(row[i], row[4 + i], 0x88);
    const __m512i odd01 = _mm512_shuffle_i32x4(row[i], row[4 + i], 0xdd);
    const __m512i even23 = _mm512_shuffle_i32x4(row[8 + i], row[12 + i], 0x88);
    const __m512i odd23 = _mm512_shuffle_i32x4(row[8 + i], row[12 + i], 0xdd);
    part[i] = _mm512_shuffle_i32x4(even01, even23, 0x88);
    part[4 + i] = _mm512_shuffle_i32x4(odd01, odd23, 0x88);
    part[8 + i] = _mm512_shuffle_i32x4(even01, even23, 0xdd);
    part[12 + i] = _mm512_shuffle_i32x4(odd01, odd23, 0xdd);
  }
  UNROLL for (int i = 0; i < 16; i++) row[i] = part[i];
}

TARGET void varve_sha256_compress_sixteen(
    uint32_t *states, const void *const *messages, size_t blocks) {
  const __m512i big_endian = _mm512_broadcast_i32x4(
      _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
  __m512i state[8];
  UNROLL for (int i = 0; i < 8; i++) state[i] = _mm512_loadu_si512(states + 16 * i);
  const uint8_t *data[16];
  for (int lane = 0; lane < 16; lane++) data[lane] = messages[lane];
  for (size_t offset = 0; offset < 64 * blocks; offset += 64) {
    __m512i w[16];
    UNROLL for (int lane = 0; lane < 16; lane++) {
      w[lane] = _mm512_loadu_si512(data[lane] + offset);
    }
    transpose(w);
    UNROLL for (int i = 0; i < 16; i++) w[i] = _mm512_shuffle_epi8(w[i], big_endian);
    __m512i a = state[0], b = state[1], c = state[2], d = state[3];
    __m512i e = state[4], f = state[5], g = state[6], h = state[7];
    UNROLL for (int t = 0; t < 64; t++) {
      if (t >= 16) {
        const __m512i early = SHIFTED(w[(t + 1) & 15], 7, 18, 3);
        const __m512i late = SHIFTED(w[(t + 14) & 15], 17, 19, 10);
        w[t & 15] = ADD(ADD(w[t & 15], w[(t + 9) & 15]), ADD(early, late));
      }
      // T1 and T2 of section 6.2.2, summed so that the next a and e wait for as little as can be.
      __m512i known = ADD(h, ADD(w[t & 15], _mm512_set1_epi32((int)varve_sha256_constants[t])));
      KEEP(known);
      const __m512i sigma1 = ROTATIONS(e, 6, 11, 25);
      const __m512i sigma0 = ROTATIONS(a, 2, 13, 22);
      __m512i chosen = ADD(known, choose(e, f, g));
      KEEP(chosen);
      __m512i before_e = ADD(d, chosen);
      KEEP(before_e);
      __m512i t1 = ADD(chosen, sigma1);
      KEEP(t1);
      __m512i before_a = ADD(majority(a, b, c), t1);
      KEEP(before_a);
      h = g;
      g = f;
      f = e;
      e = ADD(before_e, sigma1);
      KEEP(e);
      d = c;
      c = b;
      b = a;
      a = ADD(before_a, sigma0);
      KEEP(a);
    }
    state[0] = ADD(state[0], a);
    state[1] = ADD(state[1], b);
    state[2] = ADD(state[2], c);
    state[3] = ADD(state[3], d);
    state[4] = ADD(state[4], e);
    state[5] = ADD(state[5], f);
    state[6] = ADD(state[6], g);
    state[7] = ADD(state[7], h);
  }
  UNROLL for (int i = 0; i < 8; i++) _mm512_storeu_si512(states + 16 * i, state[i]);
}

#else

bool varve_sha256_sixteen_is_supported(void) { return false; }

void varve_sha256_compress_sixteen(
    uint32_t *states, const void *const *messages, size_t blocks) {
  (void)states, (void)messages, (void)blocks;
  __builtin_trap();
}

#endif
