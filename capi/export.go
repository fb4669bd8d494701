package main

/*
#include <stdlib.h>
#include "model.h"
*/
import "C"

import (
	"fmt"
	"runtime/cgo"
	"sync"
	"unsafe"

	"github.com/advparams/advparams/internal/version"
	"github.com/advparams/advparams/onnxio"
)

// advparamsGoOpen opens a model. No panic leaves it.
//
//export advparamsGoOpen
func advparamsGoOpen(o *C.advparams_options, model **C.advparams_model, message **C.char) (status C.advparams_status) {
	defer func() {
		if p := recover(); p != nil {
			status, *message = C.ADVPARAMS_INTERNAL, C.CString(fmt.Sprintf("a fault of this library: %v", p))
		}
	}()
	opened, err := open(request{
		lockedPath: text(o.locked_path), locked: slice(o.locked, o.locked_size), data: dataFiles(o),
		keyPath: text(o.key_path), key: slice(o.key, o.key_size),
		identityPath: text(o.identity_path), identity: text(o.identity), passphrase: text(o.passphrase),
		maxWorkFactor: int(o.max_work_factor),
	})
	if err != nil {
		*message = C.CString(describe(err))
		return C.advparams_status(statusOf(err))
	}
	*model = handleOf(opened)
	return C.ADVPARAMS_OK
}

// handleOf returns what C holds of a model.
func handleOf(opened *onnxio.Opened) *C.advparams_model {
	files := opened.Files()
	// C.malloc returns memory or ends the process.
	m := (*C.advparams_model)(C.malloc(C.size_t(unsafe.Sizeof(C.advparams_model{}))))
	list := C.malloc(C.size_t(len(files)) * C.size_t(unsafe.Sizeof(C.struct_file{})))
	*m = C.advparams_model{handle: C.uintptr_t(cgo.NewHandle(opened)), count: C.size_t(len(files)), files: (*C.struct_file)(list)}
	for i, f := range files {
		to := &unsafe.Slice(m.files, len(files))[i]
		*to = C.struct_file{name: C.CString(f.Name()), size: C.uint64_t(f.Size())}
		if data := f.Bytes(); len(data) > 0 {
			to.data = unsafe.Pointer(&data[0]) // no memory of Go's
		}
	}
	return m
}

// advparamsGoClose overwrites a model.
//
//export advparamsGoClose
func advparamsGoClose(handle C.uintptr_t) {
	defer func() { _ = recover() }() // of a handle that was closed before
	h := cgo.Handle(handle)
	opened := h.Value().(*onnxio.Opened)
	h.Delete()
	_ = opened.Close() // memory that cannot be given back is zeros anyway
}

var once sync.Once

// advparamsGoVersion writes the version to memory of C's, once.
//
//export advparamsGoVersion
func advparamsGoVersion(to *C.char, size C.size_t) {
	once.Do(func() {
		v := version.Of().Version
		room := unsafe.Slice((*byte)(unsafe.Pointer(to)), int(size))
		copy(room[:len(room)-1], v)
	})
}

// text returns a string, nil for NULL.
func text(s *C.char) *string {
	if s == nil {
		return nil
	}
	t := C.GoString(s)
	return &t
}

// slice returns memory of C, nil for NULL.
func slice(data unsafe.Pointer, size C.size_t) []byte {
	if data == nil {
		return nil
	}
	return unsafe.Slice((*byte)(data), int(size))
}

// dataFiles returns the data files in memory, by name.
func dataFiles(o *C.advparams_options) map[string][]byte {
	all := map[string][]byte{}
	if o.data_files == nil {
		return all
	}
	for _, f := range unsafe.Slice(o.data_files, int(o.data_file_count)) {
		if f.name != nil {
			all[C.GoString(f.name)] = slice(f.data, f.size)
		}
	}
	return all
}
