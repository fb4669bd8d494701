package simd

// CacheL1 and CacheL2 are the sizes in bytes of the caches that one core has to itself. They
// decide how products are cut into blocks. Where the processor does not tell, they are low
// guesses.
var CacheL1, CacheL2 = cacheSizes()

// NearL2 is how many elements may be computed before an epilogue reads them, so that it
// finds them in the L2 cache. NearL1 is the same for the L1 cache, where that is worth more
// calls.
const NearL2, NearL1 = 1 << 15, 1 << 13
