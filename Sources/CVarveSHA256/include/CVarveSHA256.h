// Several SHA-256 computations side by side (FIPS 180-4).
//
// Two, for processors with Intel's SHA extensions (`pair.c`): `sha256rnds2` waits four cycles for its own
// result but can begin every two, so one message uses half of the unit. Two messages whose rounds alternate fill it: 1.5 times the bytes of libcrypto's one (AMD Zen 4).
// Linux does the same for fs-verity and dm-verity (`sha256_finup_2x`, arch x86, since 6.18).
//
// Sixteen, for processors with AVX-512 (`sixteen.c`): a vector has one word of each message, so that every
// instruction works for all of them. 6.3 GB/s of sixteen long messages (AMD Zen 5), twice the pair's; the same for
// as few as one, so that fewer than seven are better off in pairs.
//
// Only the compression of whole blocks is here. Padding and lengths are the caller's: libcrypto's for the pair, whose
// chaining values these are.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// Whether this processor can run `varve_sha256_compress_pair`.
bool varve_sha256_pair_is_supported(void);

/// Takes `blocks` blocks of 64 bytes from `first` into `first_state`, and as many from `second` into `second_state`.
/// A state is FIPS 180-4's H(0) to H(7). The messages may overlap or be the same.
///
/// Must not be called unless `varve_sha256_pair_is_supported`.
void varve_sha256_compress_pair(
    uint32_t *first_state, uint32_t *second_state, const void *first, const void *second,
    size_t blocks);

/// Whether this processor can run `varve_sha256_compress_sixteen`.
bool varve_sha256_sixteen_is_supported(void);

/// Takes `blocks` blocks of 64 bytes of each of sixteen messages into its state. Messages may overlap or be
/// the same.
///
/// Must not be called unless `varve_sha256_sixteen_is_supported`.
/// - states: 128 words: H(0) of all sixteen, then H(1) of all, up to H(7).
void varve_sha256_compress_sixteen(
    uint32_t *states, const void *_Nonnull const *_Nonnull messages, size_t blocks);

#pragma clang assume_nonnull end
