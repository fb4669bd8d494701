package parallel

import (
	"sync"
)

// idle holds things that no thread is using, so that what took time to make, such as
// a frame with clean borders, serves the next part of a loop as well.
type Idle[T any] struct {
	mu   sync.Mutex
	free []T
}

// take returns one of them, or a new one.
func (s *Idle[T]) Take(make func() T) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.free) - 1
	if last < 0 {
		return make()
	}
	t := s.free[last]
	s.free = s.free[:last]
	return t
}

// done gives one back.
func (s *Idle[T]) Done(t T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, t)
}

// each calls f for all of them.
func (s *Idle[T]) Each(f func(T)) {
	for _, t := range s.free {
		f(t)
	}
}
