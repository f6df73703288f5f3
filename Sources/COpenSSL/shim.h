// SHA-256 and HMAC on the stack, for short messages, of which a tree node has nine an entry: EVP has no
// contexts that can be copied without allocation, as a keyed HMAC must, and its calls can fail.
// libcrypto calls these ones deprecated; they run the same assembly.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <string.h>

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
