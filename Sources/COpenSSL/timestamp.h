// RFC 3161: requests, responses and tokens, over libcrypto's TS functions. What is passed in may be anything:
// each function says with its result whether it was right, and leaves no error behind in libcrypto's queue.
#pragma once
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

// What a token says. Times in seconds since 1970-01-01T00:00:00Z.
typedef struct {
  int64_t seconds;
  // Rounded up to whole seconds; 0 where the token states none.
  int64_t accuracy;
  uint64_t nonce;
  bool has_nonce;
  uint8_t imprint[32];
} varve_timestamp;

static inline void varve_timestamp_free(uint8_t *_Nullable bytes) { OPENSSL_free(bytes); }

// The DER of a request for a token over a SHA-256 digest, with the authority's certificate in it. Its length; 0 when
// memory is short. `*out` is to be freed.
static inline size_t varve_timestamp_request(
    const uint8_t *_Nonnull digest, uint64_t nonce, uint8_t *_Nullable *_Nonnull out) {
  TS_REQ *request = TS_REQ_new();
  TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
  X509_ALGOR *algorithm = X509_ALGOR_new();
  ASN1_INTEGER *number = ASN1_INTEGER_new();
  uint8_t message[32];
  memcpy(message, digest, sizeof message);
  int count = 0;
  *out = NULL;
  if (request != NULL && imprint != NULL && algorithm != NULL && number != NULL
      && X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL)
      && TS_MSG_IMPRINT_set_algo(imprint, algorithm)
      && TS_MSG_IMPRINT_set_msg(imprint, message, sizeof message)
      && TS_REQ_set_version(request, 1) && TS_REQ_set_msg_imprint(request, imprint)
      && ASN1_INTEGER_set_uint64(number, nonce) && TS_REQ_set_nonce(request, number)
      && TS_REQ_set_cert_req(request, 1)) {
    count = i2d_TS_REQ(request, out);
  }
  ASN1_INTEGER_free(number);
  X509_ALGOR_free(algorithm);
  TS_MSG_IMPRINT_free(imprint);
  TS_REQ_free(request);
  ERR_clear_error();
  return count > 0 ? (size_t)count : 0;
}

// The token of a response, whose length is returned and which is to be freed; 0 without one. `*status` is the
// PKIStatus, -1 when the bytes are no response. What the authority says of a failure is written to `text`.
static inline size_t varve_timestamp_response(
    const uint8_t *_Nonnull bytes, size_t byte_count, long *_Nonnull status, uint8_t *_Nonnull text,
    size_t *_Nonnull text_count, uint8_t *_Nullable *_Nonnull out) {
  const uint8_t *next = bytes;
  size_t capacity = *text_count;
  int count = 0;
  *status = -1;
  *text_count = 0;
  *out = NULL;
  TS_RESP *response = byte_count <= 1 << 20 ? d2i_TS_RESP(NULL, &next, (long)byte_count) : NULL;
  if (response != NULL && next == bytes + byte_count) {
    TS_STATUS_INFO *info = TS_RESP_get_status_info(response);
    const ASN1_INTEGER *number = info == NULL ? NULL : TS_STATUS_INFO_get0_status(info);
    int64_t value = -1;
    if (number != NULL && ASN1_INTEGER_get_int64(&value, number) && value >= 0 && value <= 5) {
      *status = (long)value;
    }
    const STACK_OF(ASN1_UTF8STRING) *lines = info == NULL ? NULL : TS_STATUS_INFO_get0_text(info);
    for (int i = 0; lines != NULL && i < sk_ASN1_UTF8STRING_num(lines); i++) {
      const ASN1_UTF8STRING *line = sk_ASN1_UTF8STRING_value(lines, i);
      size_t length = (size_t)ASN1_STRING_length(line);
      if (length > capacity - *text_count) length = capacity - *text_count;
      if (length != 0) memcpy(text + *text_count, ASN1_STRING_get0_data(line), length);
      *text_count += length;
    }
    PKCS7 *token = TS_RESP_get_token(response);
    if ((*status == 0 || *status == 1) && token != NULL) count = i2d_PKCS7(token, out);
  }
  TS_RESP_free(response);
  ERR_clear_error();
  return count > 0 ? (size_t)count : 0;
}

// The signed data whose content is a TSTInfo, and nothing behind it; NULL for anything else.
static inline PKCS7 *_Nullable varve_timestamp_token(
    const uint8_t *_Nonnull bytes, size_t byte_count) {
  const uint8_t *next = bytes;
  PKCS7 *token = byte_count <= 1 << 20 ? d2i_PKCS7(NULL, &next, (long)byte_count) : NULL;
  if (token == NULL) return NULL;
  if (next == bytes + byte_count && PKCS7_type_is_signed(token) && token->d.sign != NULL
      && token->d.sign->contents != NULL
      && OBJ_obj2nid(token->d.sign->contents->type) == NID_id_smime_ct_TSTInfo
      && token->d.sign->contents->d.other != NULL
      && token->d.sign->contents->d.other->type == V_ASN1_OCTET_STRING
      && token->d.sign->contents->d.other->value.octet_string != NULL) {
    return token;
  }
  PKCS7_free(token);
  return NULL;
}

static inline bool varve_timestamp_accuracy(
    const TS_ACCURACY *_Nullable accuracy, int64_t *_Nonnull seconds) {
  *seconds = 0;
  if (accuracy == NULL) return true;
  const ASN1_INTEGER *whole = TS_ACCURACY_get_seconds(accuracy);
  if (whole != NULL && (!ASN1_INTEGER_get_int64(seconds, whole) || *seconds < 0)) return false;
  if (*seconds > 86400) return false;
  if (TS_ACCURACY_get_millis(accuracy) != NULL || TS_ACCURACY_get_micros(accuracy) != NULL) {
    *seconds += 1;
  }
  return true;
}

// Reads what a token says; nothing of it is verified. False for bytes that are no token over a SHA-256 digest.
static inline bool varve_timestamp_read(
    const uint8_t *_Nonnull bytes, size_t byte_count, varve_timestamp *_Nonnull out) {
  memset(out, 0, sizeof *out);
  PKCS7 *token = varve_timestamp_token(bytes, byte_count);
  TS_TST_INFO *info = token == NULL ? NULL : PKCS7_to_TS_TST_INFO(token);
  ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
  bool is_right = false;
  if (info != NULL && epoch != NULL && TS_TST_INFO_get_version(info) == 1) {
    TS_MSG_IMPRINT *imprint = TS_TST_INFO_get_msg_imprint(info);
    X509_ALGOR *algorithm = imprint == NULL ? NULL : TS_MSG_IMPRINT_get_algo(imprint);
    ASN1_OCTET_STRING *digest = imprint == NULL ? NULL : TS_MSG_IMPRINT_get_msg(imprint);
    const ASN1_OBJECT *name = NULL;
    if (algorithm != NULL) X509_ALGOR_get0(&name, NULL, NULL, algorithm);
    const ASN1_GENERALIZEDTIME *time = TS_TST_INFO_get_time(info);
    const ASN1_INTEGER *nonce = TS_TST_INFO_get_nonce(info);
    int days = 0, seconds = 0;
    if (name != NULL && OBJ_obj2nid(name) == NID_sha256 && digest != NULL
        && ASN1_STRING_length(digest) == sizeof out->imprint && time != NULL
        && ASN1_TIME_diff(&days, &seconds, epoch, time) && days >= 0 && seconds >= 0
        && varve_timestamp_accuracy(TS_TST_INFO_get_accuracy(info), &out->accuracy)) {
      memcpy(out->imprint, ASN1_STRING_get0_data(digest), sizeof out->imprint);
      out->seconds = (int64_t)days * 86400 + seconds;
      out->has_nonce = nonce != NULL && ASN1_INTEGER_get_uint64(&out->nonce, nonce);
      is_right = true;
    }
  }
  ASN1_TIME_free(epoch);
  TS_TST_INFO_free(info);
  PKCS7_free(token);
  ERR_clear_error();
  return is_right;
}

// A store of the certificates in PEM text, which are trusted, and how many they are; NULL without any.
static inline X509_STORE *_Nullable varve_timestamp_store(
    const uint8_t *_Nonnull pem, size_t pem_count, int *_Nonnull certificate_count) {
  *certificate_count = 0;
  if (pem_count > 1 << 24) return NULL;
  BIO *source = BIO_new_mem_buf(pem, (int)pem_count);
  X509_STORE *store = X509_STORE_new();
  X509 *certificate = NULL;
  while (source != NULL && store != NULL
         && (certificate = PEM_read_bio_X509(source, NULL, NULL, NULL)) != NULL) {
    *certificate_count += X509_STORE_add_cert(store, certificate);
    X509_free(certificate);
  }
  BIO_free(source);
  ERR_clear_error();
  if (*certificate_count > 0) return store;
  X509_STORE_free(store);
  return NULL;
}

static inline int varve_timestamp_certificates(const uint8_t *_Nonnull pem, size_t pem_count) {
  int count = 0;
  X509_STORE_free(varve_timestamp_store(pem, pem_count, &count));
  return count;
}

// libcrypto reads the value of these attributes as a sequence without looking at its type (CVE-2025-69420).
static inline bool varve_timestamp_attribute(PKCS7_SIGNER_INFO *_Nonnull signer, int nid) {
  const ASN1_TYPE *value = PKCS7_get_signed_attribute(signer, nid);
  return value == NULL || (value->type == V_ASN1_SEQUENCE && value->value.sequence != NULL);
}

// Whether a certificate that leads to one in `pem`, each valid at `seconds`, signed the token over `digest`. What libcrypto
// finds wrong is written to `reason`, which has room for `reason_count` characters.
static inline bool varve_timestamp_verify(
    const uint8_t *_Nonnull bytes, size_t byte_count, const uint8_t *_Nonnull digest,
    int64_t seconds, const uint8_t *_Nonnull pem, size_t pem_count, char *_Nonnull reason,
    size_t reason_count) {
  int certificate_count = 0;
  bool is_right = false;
  reason[0] = 0;
  PKCS7 *token = varve_timestamp_token(bytes, byte_count);
  STACK_OF(PKCS7_SIGNER_INFO) *signers = token == NULL ? NULL : PKCS7_get_signer_info(token);
  PKCS7_SIGNER_INFO *signer =
      signers != NULL && sk_PKCS7_SIGNER_INFO_num(signers) == 1
          ? sk_PKCS7_SIGNER_INFO_value(signers, 0) : NULL;
  X509_STORE *store = varve_timestamp_store(pem, pem_count, &certificate_count);
  TS_VERIFY_CTX *context = TS_VERIFY_CTX_new();
  uint8_t *imprint = (uint8_t *)OPENSSL_memdup(digest, 32);
  if (signer != NULL && store != NULL && context != NULL && imprint != NULL
      && varve_timestamp_attribute(signer, NID_id_smime_aa_signingCertificate)
      && varve_timestamp_attribute(signer, NID_id_smime_aa_signingCertificateV2)) {
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), (time_t)seconds);
    TS_VERIFY_CTX_set_flags(context, TS_VFY_VERSION | TS_VFY_IMPRINT | TS_VFY_SIGNATURE);
    TS_VERIFY_CTX_set_imprint(context, imprint, 32);
    TS_VERIFY_CTX_set_store(context, store);
    // Both belong to the context now.
    imprint = NULL;
    store = NULL;
    ERR_clear_error();
    is_right = TS_RESP_verify_token(context, token) == 1;
    if (!is_right) {
      const char *text = ERR_reason_error_string(ERR_peek_last_error());
      const char *data = NULL;
      int flags = 0;
      ERR_peek_last_error_data(&data, &flags);
      BIO_snprintf(
          reason, reason_count, "%s%s%s", text == NULL ? "it cannot be verified" : text,
          data != NULL && data[0] != 0 && (flags & ERR_TXT_STRING) != 0 ? ", " : "",
          data != NULL && (flags & ERR_TXT_STRING) != 0 ? data : "");
    }
  } else {
    BIO_snprintf(
        reason, reason_count, "%s", certificate_count == 0 ? "there is no certificate to trust"
                                                           : "it is no token with one signature");
  }
  OPENSSL_free(imprint);
  TS_VERIFY_CTX_free(context);
  X509_STORE_free(store);
  PKCS7_free(token);
  ERR_clear_error();
  return is_right;
}
