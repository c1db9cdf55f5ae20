/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ticket_seal.c - how a server encrypts the tickets that it gives out
 *
 * The library would make keys for each context, and a context belongs to a thread: a client that
 * comes back to another thread would never resume. So there is one key for the whole process, made
 * at first use and gone with it. ChaCha20-Poly1305 (RFC 8439) because every build has it; the
 * nonce is random, and the key's name tells tickets of another process apart from forged ones.
 */
#include <pthread.h>
#include <string.h>
#include "crypt/random.h"
#include "tls/internal.h"
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>

_Static_assert(CHACHA20_POLY1305_AEAD_IV_SIZE <= WOLFSSL_TICKET_IV_SZ, "the nonce fits its field");
_Static_assert(CHACHA20_POLY1305_AEAD_AUTHTAG_SIZE <= WOLFSSL_TICKET_MAC_SZ,
	       "the tag fits its field");

static struct {
	unsigned char name[WOLFSSL_TICKET_NAME_SZ];
	unsigned char key[CHACHA20_POLY1305_AEAD_KEYSIZE];
} seal;
static pthread_once_t seal_once = PTHREAD_ONCE_INIT;

static void seal_make(void)
{
	crypt_random(&seal, sizeof(seal));
}

int tls_ticket_seal(WOLFSSL *ssl, unsigned char *key_name, unsigned char *iv, unsigned char *mac,
		    int is_encrypting, unsigned char *ticket, int len, int *ret_len, void *context)
{
	int status;

	(void)ssl;
	(void)context;
	pthread_once(&seal_once, seal_make);
	*ret_len = len;
	if (!is_encrypting) {
		if (memcmp(key_name, seal.name, sizeof(seal.name)) != 0)
			return WOLFSSL_TICKET_RET_REJECT;
		status = wc_ChaCha20Poly1305_Decrypt(seal.key, iv, key_name, sizeof(seal.name),
						     ticket, (word32)len, mac, ticket);
		return status == 0 ? WOLFSSL_TICKET_RET_OK : WOLFSSL_TICKET_RET_REJECT;
	}
	memcpy(key_name, seal.name, sizeof(seal.name));
	memset(mac, 0, WOLFSSL_TICKET_MAC_SZ);
	crypt_random(iv, WOLFSSL_TICKET_IV_SZ);
	status = wc_ChaCha20Poly1305_Encrypt(seal.key, iv, key_name, sizeof(seal.name), ticket,
					     (word32)len, ticket, mac);
	return status == 0 ? WOLFSSL_TICKET_RET_OK : WOLFSSL_TICKET_RET_FATAL;
}
