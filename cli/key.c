/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/key.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "cli/args.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

enum { PEM_MAX = 16 * 1024 };

enum or_code ctl_key_id(
    char out[CTL_KEY_ID_LEN + 1], const struct or_crypto_key *key, struct or_err *err)
{
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	struct or_buf raw, hex;
	enum or_code rc;

	or_buf_init(&raw, 256);
	or_buf_init(&hex, 2 * sizeof(hash));
	rc = or_crypto_key_public(&raw, key);
	if (rc) {
		or_err_set(err, rc, "a key of this kind has no id: Ed25519 and EC keys have");
	} else {
		or_crypto_sha256(hash, or_buf_slice(&raw));
		or_str_hex_encode(&hex, or_slice(hash, sizeof(hash)));
		memcpy(out, hex.p, CTL_KEY_ID_LEN);
		out[CTL_KEY_ID_LEN] = '\0';
	}
	or_buf_done(&raw);
	or_buf_done(&hex);
	return rc;
}

enum or_code ctl_key_kind(enum or_crypto_kind *out, const char *alg, struct or_err *err)
{
	if (strcmp(alg, "EdDSA") == 0)
		*out = OR_CRYPTO_ED25519;
	else if (strcmp(alg, "ES256") == 0)
		*out = OR_CRYPTO_P256;
	else
		return or_err_set(
		    err, OR_INVAL, "--alg %s: expected EdDSA (Ed25519) or ES256 (P-256)", alg);
	return OR_OK;
}

enum or_code ctl_key_load(struct or_crypto_key **out, const char *path, struct or_err *err)
{
	struct or_buf pem;
	enum or_code rc;

	or_buf_init(&pem, PEM_MAX);
	rc = or_sys_read_file(&pem, path, err);
	if (rc == OR_OK) {
		rc = or_crypto_key_from_pem(out, or_buf_slice(&pem), err);
		if (rc)
			or_err_wrap(err, rc, "%s", path);
	}
	or_mem_wipe(pem.p, pem.n);
	or_buf_done(&pem);
	return rc;
}

/* O_EXCL, so that a key that is there is never lost. */
static enum or_code write_new(const char *path, struct or_slice s, mode_t mode, struct or_err *err)
{
	size_t written;
	int fd;
	enum or_code rc = or_sys_open(&fd, path, O_WRONLY | O_CREAT | O_EXCL, mode, err);

	if (rc)
		return rc;
	rc = or_sys_write(fd, s, &written, err);
	if (rc == OR_OK)
		rc = or_sys_fdatasync(fd, err);
	or_sys_close(fd);
	return rc;
}

static enum or_code save(const char *path, const struct or_crypto_key *key, bool private_half,
    mode_t mode, struct or_err *err)
{
	struct or_buf pem;
	enum or_code rc;

	or_buf_init(&pem, PEM_MAX);
	rc = or_crypto_key_to_pem(&pem, key, private_half);
	if (rc)
		or_err_set(err, rc, "%s: the key cannot be written as PEM", path);
	else
		rc = write_new(path, or_buf_slice(&pem), mode, err);
	or_mem_wipe(pem.p, pem.n);
	or_buf_done(&pem);
	return rc;
}

enum or_code ctl_key_save(const char *path, const struct or_crypto_key *key, struct or_err *err)
{
	return save(path, key, true, 0600, err);
}

static enum or_code make(
    const char *path, const char *alg, char id[CTL_KEY_ID_LEN + 1], struct or_err *err)
{
	struct or_crypto_key *key = NULL;
	enum or_crypto_kind kind = OR_CRYPTO_ED25519;
	char public[PATH_MAX];
	enum or_code rc = ctl_key_kind(&kind, alg, err);

	if (rc == OR_OK)
		rc = or_crypto_key_new(&key, kind, err);
	if (rc == OR_OK)
		rc = ctl_key_id(id, key, err);
	if (rc == OR_OK)
		rc = ctl_key_save(path, key, err);
	if (rc == OR_OK) {
		snprintf(public, sizeof(public), "%s.pub", path);
		rc = save(public, key, false, 0644, err);
	}
	or_crypto_key_free(key);
	return rc;
}

static int run_new(int argc, char **argv)
{
	const char *out = NULL, *alg = "EdDSA";
	const struct ctl_args_flag flags[] = {
	    {.name = "out",
		.metavar = "FILE",
		.help = "the private key; FILE.pub is its public half",
		.value = &out},
	    {.name = "alg",
		.metavar = "ALG",
		.help = "EdDSA (Ed25519, the default) or ES256",
		.value = &alg},
	};
	const struct ctl_args args = {
	    .usage = "outrider key new --out FILE [--alg EdDSA|ES256]",
	    .about = "Makes a key pair: FILE, mode 0600, and FILE.pub. Prints the key's id.\n"
		     "A file that is there is never overwritten.",
	    .examples = "  outrider key new --out bundle.key\n"
			"  outrider policy build --key bundle.key ...",
	    .flags = flags,
	    .n_flags = OR_LEN(flags),
	};
	char id[CTL_KEY_ID_LEN + 1];
	struct or_err err = {0};
	size_t n_words;
	int code;

	if (!ctl_args_parse(&args, argc, argv, &n_words, &code))
		return code;
	if (!out || n_words)
		return ctl_args_misuse(&args, !out ? "--out FILE is needed" : "one file only");
	if (make(out, alg, id, &err))
		return ctl_term_fail("key new", &err);
	printf("%s\n", id);
	return CTL_EXIT_YES;
}

static int run_id(int argc, char **argv)
{
	const struct ctl_args args = {
	    .usage = "outrider key id FILE",
	    .about = "Prints the id of a key, from its private or public file.",
	    .examples = "  outrider key id bundle.key.pub",
	};
	struct or_crypto_key *key = NULL;
	char id[CTL_KEY_ID_LEN + 1];
	struct or_err err = {0};
	size_t n_words;
	enum or_code rc;
	int code;

	if (!ctl_args_parse(&args, argc, argv, &n_words, &code))
		return code;
	if (n_words != 1)
		return ctl_args_misuse(&args, "one FILE is needed");
	rc = ctl_key_load(&key, argv[0], &err);
	if (rc == OR_OK)
		rc = ctl_key_id(id, key, &err);
	or_crypto_key_free(key);
	if (rc)
		return ctl_term_fail("key id", &err);
	printf("%s\n", id);
	return CTL_EXIT_YES;
}

int ctl_key_main(int argc, char **argv)
{
	static const struct ctl_verb verbs[] = {
	    {"new", "make a key pair", run_new},
	    {"id", "print a key's id", run_id},
	};

	return ctl_verb_run("outrider key", "Keys that sign bundles and checkpoints.", verbs,
	    OR_LEN(verbs), argc, argv);
}
