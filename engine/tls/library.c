/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * library.c - which wolfSSL this is, and what it has of hardware
 *
 * Every result says so, because a figure means little without it: a build without AES-NI encrypts
 * forty times slower. scripts/setup marks its lean build by a macro; a build can only have the
 * hardware that it was compiled for and that the processor offers.
 */
#include <pthread.h>
#include <stdio.h>
#include "tls/internal.h"

static bool is_started, has_aes;
static char library_text[96];
static pthread_once_t library_once = PTHREAD_ONCE_INIT;

#if defined(WOLFSSL_AESNI) && (defined(__x86_64__) || defined(__i386__))
static const char *aes_find(void)
{
	__builtin_cpu_init();
	has_aes = __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
	return has_aes ? "AES-NI" : "no AES-NI in this processor";
}
#elif defined(WOLFSSL_ARMASM) && !defined(WOLFSSL_ARMASM_NO_HW_CRYPTO)
static const char *aes_find(void)
{
	has_aes = true;
	return "ARMv8 AES";
}
#else
static const char *aes_find(void)
{
	return "no hardware AES";
}
#endif

static void library_start(void)
{
#ifdef VOLLEY_LEAN_BUILD
	const char *build = "lean build";
#else
	const char *build = "the distribution's build";
#endif

	is_started = wolfSSL_Init() == WOLFSSL_SUCCESS;
	snprintf(library_text, sizeof(library_text), "wolfSSL %s (%s, %s)", wolfSSL_lib_version(),
		 build, aes_find());
}

bool tls_library_start(void)
{
	pthread_once(&library_once, library_start);
	return is_started;
}

bool tls_library_has_aes(void)
{
	pthread_once(&library_once, library_start);
	return has_aes;
}

const char *tls_library(void)
{
	pthread_once(&library_once, library_start);
	return library_text;
}
