// Package memory has memory outside of the garbage collector's, for secrets: it stays
// where it is until it is wiped, and core dumps leave it out where the system can.
package memory

import "sync"

// A Block is a piece of memory. Its zero value is empty.
type Block struct {
	mu   sync.RWMutex
	data []byte
}

// New returns a block of n zero bytes. It has to be wiped.
func New(n int64) (*Block, error) {
	b := new(Block)
	if n == 0 {
		return b, nil
	}
	var err error
	b.data, err = allocate(n)
	return b, err
}

// Bytes returns the memory. After Wipe it must not be used any more.
func (b *Block) Bytes() []byte { return b.data }

// Use calls f with the memory, which is not wiped as long as that takes. The memory is nil
// after Wipe.
func (b *Block) Use(f func(data []byte)) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	f(b.data)
}

// Wipe overwrites the memory with zeros and gives it back to the system. It may be called
// again.
func (b *Block) Wipe() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	data := b.data
	b.data = nil
	if data == nil {
		return nil
	}
	clear(data)
	return free(data)
}
