package onnxio

import (
	"fmt"
	"runtime/debug"
	"sync"
	"unsafe"

	"github.com/edsrzf/mmap-go"
)

// TruncatedError means that another process made a file shorter while it was mapped.
type TruncatedError struct{ Path string }

func (e *TruncatedError) Error() string {
	return fmt.Sprintf("%s became shorter while it was read", e.Path)
}

// Hint says what to do.
func (e *TruncatedError) Hint() string {
	return "try again when nothing else writes to it; replace model files by renaming"
}

// Faults makes an error of what otherwise ends the process: reading a page of a
// mapped file that another process has cut off. It is for functions that use the
// elements of tensors:
//
//	defer onnxio.Faults(&err)()
//
// It holds for the goroutine that it is called on. Open and Rewrite call it.
func Faults(err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		p := recover()
		if p == nil {
			return
		}
		fault, ok := p.(interface{ Addr() uintptr })
		if !ok {
			panic(p)
		}
		path, ok := mappings.at(fault.Addr())
		if !ok {
			panic(p)
		}
		*err = &TruncatedError{path}
	}
}

// mappings knows which file is mapped where. Those that were closed are kept for a
// while: a fault unwinds the function that closes the model before anybody asks.
var mappings mappingTable

type mappingTable struct {
	mu     sync.Mutex
	open   map[uintptr]mapping // by start
	closed []mapping           // the latest ones last
}

type mapping struct {
	start, size uintptr
	path        string
}

func (m mapping) has(addr uintptr) bool { return addr >= m.start && addr-m.start < m.size }

// add notes a mapping.
func (t *mappingTable) add(data mmap.MMap, path string) {
	if len(data) == 0 {
		return
	}
	m := mapping{uintptr(unsafe.Pointer(&data[0])), uintptr(len(data)), path}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = map[uintptr]mapping{}
	}
	t.open[m.start] = m
}

// unmap ends a mapping.
func (t *mappingTable) unmap(data mmap.MMap) error {
	if len(data) > 0 {
		const most = 64
		start := uintptr(unsafe.Pointer(&data[0]))
		t.mu.Lock()
		if m, ok := t.open[start]; ok {
			delete(t.open, start)
			t.closed = append(t.closed, m)
			t.closed = t.closed[max(0, len(t.closed)-most):]
		}
		t.mu.Unlock()
	}
	return data.Unmap()
}

// at returns the file that is mapped at an address, or was.
func (t *mappingTable) at(addr uintptr) (path string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.open {
		if m.has(addr) {
			return m.path, true
		}
	}
	for i := len(t.closed) - 1; i >= 0; i-- {
		if t.closed[i].has(addr) {
			return t.closed[i].path, true
		}
	}
	return "", false
}
