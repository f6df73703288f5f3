#include "CVarveSHA256.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#include "constants.h"

bool varve_sha256_pair_is_supported(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1)) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

// The instructions hold a state as (A B E F) and (C D G H), most significant word first.
#define TARGET __attribute__((target("sha,sse4.1,ssse3")))

TARGET static inline void load(const uint32_t *state, __m128i *abef, __m128i *cdgh) {
  const __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
  const __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
  *abef = _mm_alignr_epi8(cdab, efgh, 8);
  *cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
}

TARGET static inline void store(uint32_t *state, __m128i abef, __m128i cdgh) {
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

// Each `lane` loop is unrolled, so that instructions of the two messages alternate and all arrays
// are registers.
TARGET void varve_sha256_compress_pair(
    uint32_t *first_state, uint32_t *second_state, const void *first, const void *second,
    size_t blocks) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const uint8_t *data[2] = {first, second};
  __m128i abef[2], cdgh[2], words[2][4];
  load(first_state, &abef[0], &cdgh[0]);
  load(second_state, &abef[1], &cdgh[1]);
  for (; blocks != 0; blocks--) {
    const __m128i abef_before[2] = {abef[0], abef[1]};
    const __m128i cdgh_before[2] = {cdgh[0], cdgh[1]};
#pragma clang loop unroll(full)
    for (int lane = 0; lane < 2; lane++) {
#pragma clang loop unroll(full)
      for (int i = 0; i < 4; i++) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(data[lane] + 16 * i));
        words[lane][i] = _mm_shuffle_epi8(bytes, big_endian);
      }
    }
    // Four rounds a step. words[step & 3] has the schedule's words 4 step to 4 step + 3; the
    // words of later steps are completed meanwhile.
#pragma clang loop unroll(full)
    for (int step = 0; step < 16; step++) {
      const __m128i k = _mm_load_si128((const __m128i *)(varve_sha256_constants + 4 * step));
#pragma clang loop unroll(full)
      for (int lane = 0; lane < 2; lane++) {
        __m128i *w = words[lane];
        const __m128i current = w[step & 3], previous = w[(step + 3) & 3];
        const __m128i sum = _mm_add_epi32(current, k);
        cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], sum);
        if (step >= 3 && step < 15) {
          const __m128i seventh = _mm_alignr_epi8(current, previous, 4);
          const __m128i next = _mm_add_epi32(w[(step + 1) & 3], seventh);
          w[(step + 1) & 3] = _mm_sha256msg2_epu32(next, current);
        }
        abef[lane] = _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], _mm_shuffle_epi32(sum, 0x0e));
        if (step >= 1 && step < 13) w[(step + 3) & 3] = _mm_sha256msg1_epu32(previous, current);
      }
    }
#pragma clang loop unroll(full)
    for (int lane = 0; lane < 2; lane++) {
      abef[lane] = _mm_add_epi32(abef[lane], abef_before[lane]);
      cdgh[lane] = _mm_add_epi32(cdgh[lane], cdgh_before[lane]);
      data[lane] += 64;
    }
  }
  store(first_state, abef[0], cdgh[0]);
  store(second_state, abef[1], cdgh[1]);
}

#else

bool varve_sha256_pair_is_supported(void) { return false; }

void varve_sha256_compress_pair(
    uint32_t *first_state, uint32_t *second_state, const void *first, const void *second,
    size_t blocks) {
  (void)first_state, (void)second_state, (void)first, (void)second, (void)blocks;
  __builtin_trap();
}

#endif
