/* C interface of Dragoman for bindings. Strings are UTF-8 and zero-terminated. Every function is
 * safe to call with null arguments. A handle is used by one thread at a time. */
#ifndef DRAGOMAN_C_H_
#define DRAGOMAN_C_H_

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dragoman_translator dragoman_translator;

/* Opens a model (null: the bundled one) on a device (null: "auto") with threads (0: all cores).
 * Null on failure: dragoman_last_error() says why. */
dragoman_translator* dragoman_open(const char* model, const char* device, int threads);
void dragoman_close(dragoman_translator* translator);
/* A new string to free with dragoman_free(), or null on failure. */
char* dragoman_translate(dragoman_translator* translator, const char* text, const char* from,
                         const char* to);
void dragoman_free(char* text);
/* The last failure in this thread; empty when there was none. Valid until the next call in this
 * thread. */
const char* dragoman_last_error(void);
const char* dragoman_version(void);

#ifdef __cplusplus
}
#endif

#endif /* DRAGOMAN_C_H_ */
