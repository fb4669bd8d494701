/* Decrypts tensors: "Elements", "Exponents" and "Permutation" of docs/key-format.md, for
 * elements that are all as wide. _seal.py does the same in numpy where this is not at hand.
 *
 * It needs nothing, not even the C library. Processors are 64-bit and little-endian. */

#include <stdint.h>

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
/* What the C library would have: Windows calls it when the library is loaded. */
int DllMainCRTStartup(void *library, unsigned long reason, void *more)
{
	(void)library, (void)reason, (void)more;
	return 1;
}
#else
#define EXPORT __attribute__((visibility("default")))
#endif
#define INLINE static inline __attribute__((always_inline))

enum { BLOCK = 4096 };

/* What elements are. _kernel.py has the same structure. */
struct kind {
	uint32_t width;    /* bytes of an element: 1, 2, 4 or 8 */
	uint32_t mantissa; /* bits of a float */
	uint32_t exponent; /* bits of a float, or 0 for an integer */
	uint32_t ones;     /* exponent of all ones: 0 stays, 1 is an ordinary one, 2 is NaN if the mantissa is all ones */
	uint32_t sign;     /* whether the sign is encrypted */
	uint32_t integer_sign; /* whether an integer has a sign */
	uint32_t still;    /* whether elements are permuted only */
};

INLINE uint64_t load(const uint8_t *at, uint32_t width)
{
	uint64_t v = 0;
	__builtin_memcpy(&v, at, width);
	return v;
}

INLINE void store(uint8_t *at, uint64_t v, uint32_t width)
{
	__builtin_memcpy(at, &v, width);
}

/* All bits below the leading one; 0 for 0. */
INLINE uint64_t below(uint64_t v)
{
	return v == 0 ? 0 : (UINT64_C(1) << (63 - __builtin_clzll(v))) - 1;
}

INLINE uint64_t decrypt_float(uint64_t x, uint64_t z, const struct kind *k, const uint16_t *back)
{
	uint64_t m = (UINT64_C(1) << k->mantissa) - 1;
	uint64_t ones = (UINT64_C(1) << k->exponent) - 1;
	uint64_t s = (uint64_t)k->sign << (k->mantissa + k->exponent);
	uint64_t e = x >> k->mantissa & ones;
	if (back) {
		x = (x & ~(ones << k->mantissa)) | (uint64_t)back[e] << k->mantissa;
		e = back[e];
	}
	if (e != 0 && (e != ones || k->ones == 1))
		return x ^ (z & (s | m));
	uint64_t free = e == 0 ? x & m : k->ones == 2 ? ~x & m : 0;
	return free == 0 ? x : x ^ (z & (s | below(free)));
}

INLINE uint64_t decrypt_integer(uint64_t x, uint64_t z, const struct kind *k, uint32_t width)
{
	uint32_t top = 8 * width - 1;
	uint64_t all = UINT64_MAX >> (63 - top);
	uint64_t v = k->integer_sign && x >> top ? ~x & all : x;
	if (v == 0)
		return x;
	x ^= z & below(v);
	return k->sign && z >> top ? ~x & all : x;
}

INLINE void block(uint8_t *x, uint32_t n, const uint8_t *words, const struct kind *k, const uint16_t *back,
	uint32_t width)
{
	const uint8_t *masks = words + 8 * BLOCK;
	for (uint32_t i = 0; i < n && !k->still; i++) {
		uint64_t v = load(x + i * width, width);
		uint64_t z = load(masks + i * width, width);
		v = k->exponent ? decrypt_float(v, z, k, back) : decrypt_integer(v, z, k, width);
		store(x + i * width, v, width);
	}
	for (uint32_t i = 1; i < n; i++) {
		uint64_t word = load(words + 8 * i, 8);
		uint32_t j = (uint32_t)((unsigned __int128)word * (i + 1) >> 64);
		uint64_t a = load(x + i * width, width);
		uint64_t b = load(x + j * width, width);
		store(x + i * width, b, width);
		store(x + j * width, a, width);
	}
}

/* Decrypts n elements where they are. The stream has 4,096 · (8 + width) bytes for each block
 * of 4,096 elements; back has the exponent that was there for each that is there, or is null. */
EXPORT void advparams_unseal(uint8_t *x, uint64_t n, const uint8_t *stream, const struct kind *k,
	const uint16_t *back)
{
	struct kind own = *k;
	for (; n > 0; stream += BLOCK * (8 + own.width)) {
		uint32_t part = n < BLOCK ? (uint32_t)n : BLOCK;
		switch (own.width) {
		case 1: block(x, part, stream, &own, back, 1); break;
		case 2: block(x, part, stream, &own, back, 2); break;
		case 4: block(x, part, stream, &own, back, 4); break;
		case 8: block(x, part, stream, &own, back, 8); break;
		default: return;
		}
		x += (uint64_t)part * own.width;
		n -= part;
	}
}
