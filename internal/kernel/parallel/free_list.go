package parallel

import "sync"

// FreeList holds buffers that no thread is using. A thread that takes one finds it as the
// last user left it: what took time to prepare, such as a frame with clean borders, serves
// the next piece of a loop as well. The zero value is an empty list.
type FreeList[T any] struct {
	mu   sync.Mutex
	free []T
}

// Get returns a buffer from the list. If the list is empty, it makes a new one.
func (l *FreeList[T]) Get(make func() T) T {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := len(l.free) - 1
	if last < 0 {
		return make()
	}
	t := l.free[last]
	l.free = l.free[:last]
	return t
}

// Put gives a buffer back.
func (l *FreeList[T]) Put(t T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = append(l.free, t)
}

// Each calls f for every buffer in the list. No other call may run at the same time.
func (l *FreeList[T]) Each(f func(T)) {
	for _, t := range l.free {
		f(t)
	}
}
