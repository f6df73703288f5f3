// SHA-256 and HMAC on the stack, for short messages, of which a tree node has nine an entry: EVP has no
// contexts that can be copied without allocation, as a keyed HMAC must, and its calls can fail.
// libcrypto calls these ones deprecated; they run the same assembly.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <string.h>

#include "timestamp.h"

// A digest of bytes that come in pieces, of which whole blocks may be compressed by somebody else.
typedef SHA256_CTX varve_sha256_stream;

static inline void varve_sha256_stream_init(varve_sha256_stream *_Nonnull stream) {
  SHA256_Init(stream);
}

static inline void varve_sha256_stream_update(
    varve_sha256_stream *_Nonnull stream, const void *_Nonnull data, size_t count) {
  SHA256_Update(stream, data, count);
}

static inline void varve_sha256_stream_finish(
    varve_sha256_stream *_Nonnull stream, uint8_t *_Nonnull digest) {
  SHA256_Final(digest, stream);
}

// Bytes that wait for the rest of their block.
static inline size_t varve_sha256_stream_waiting(const varve_sha256_stream *_Nonnull stream) {
  return stream->num;
}

// The chaining value, H(0) to H(7).
static inline uint32_t *_Nonnull varve_sha256_stream_state(varve_sha256_stream *_Nonnull stream) {
  return stream->h;
}

// Counts bytes that were compressed into the state: a multiple of the block length, when none wait.
static inline void varve_sha256_stream_count(varve_sha256_stream *_Nonnull stream, size_t count) {
  uint64_t bits = ((uint64_t)stream->Nh << 32 | stream->Nl) + ((uint64_t)count << 3);
  stream->Nl = (SHA_LONG)bits;
  stream->Nh = (SHA_LONG)(bits >> 32);
}

// The digest of a ‖ b.
static inline void varve_sha256(
    const void *_Nullable a, size_t a_count, const void *_Nullable b, size_t b_count,
    uint8_t *_Nonnull digest) {
  SHA256_CTX context;
  SHA256_Init(&context);
  if (a_count != 0) SHA256_Update(&context, a, a_count);
  if (b_count != 0) SHA256_Update(&context, b, b_count);
  SHA256_Final(digest, &context);
}

// HMAC-SHA256 (RFC 2104) with the key's two blocks already absorbed.
typedef struct {
  SHA256_CTX inner, outer;
} varve_hmac_sha256;

static inline void varve_hmac_sha256_init(
    varve_hmac_sha256 *_Nonnull state, const void *_Nullable key, size_t key_count) {
  uint8_t block[SHA256_CBLOCK] = {0};
  if (key_count > sizeof block) {
    varve_sha256(key, key_count, NULL, 0, block);
  } else if (key_count != 0) {
    memcpy(block, key, key_count);
  }
  for (size_t i = 0; i < sizeof block; i++) block[i] ^= 0x36;
  SHA256_Init(&state->inner);
  SHA256_Update(&state->inner, block, sizeof block);
  for (size_t i = 0; i < sizeof block; i++) block[i] ^= 0x36 ^ 0x5c;
  SHA256_Init(&state->outer);
  SHA256_Update(&state->outer, block, sizeof block);
  OPENSSL_cleanse(block, sizeof block);
}

// The code of a ‖ b.
static inline void varve_hmac_sha256_authenticate(
    const varve_hmac_sha256 *_Nonnull state, const void *_Nullable a, size_t a_count,
    const void *_Nullable b, size_t b_count, uint8_t *_Nonnull code) {
  SHA256_CTX context = state->inner;
  if (a_count != 0) SHA256_Update(&context, a, a_count);
  if (b_count != 0) SHA256_Update(&context, b, b_count);
  SHA256_Final(code, &context);
  context = state->outer;
  SHA256_Update(&context, code, SHA256_DIGEST_LENGTH);
  SHA256_Final(code, &context);
}
