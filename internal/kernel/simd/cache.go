package simd

// Sizes in bytes of the caches that one core has to itself, which decide how
// products are cut up. Where the processor does not tell, they are guesses on
// the low side.
var CacheL1, CacheL2 = cacheSizes()

// NearL2 is how many elements may be computed before what follows reads them, in the
// second level of cache, or nearer in the first, where that is worth more calls.
const NearL2, NearL1 = 1 << 15, 1 << 13
