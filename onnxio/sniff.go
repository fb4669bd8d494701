package onnxio

import (
	"bytes"
	"unicode/utf8"
)

// lookalike is something else that people pass where a model is expected.
type lookalike struct {
	name, hint string
	matches    func(head []byte) bool
}

func prefix(p string) func([]byte) bool {
	return func(head []byte) bool { return bytes.HasPrefix(head, []byte(p)) }
}

// lookalikes are tried in order, after reading a file as a model has failed.
var lookalikes = []lookalike{
	{"an HTML page", "the download got a web page instead of the file: check the address, or whether it needs a login", isHTML},
	{"a Git LFS pointer", "run git lfs pull in the repository", prefix("version https://git-lfs")},
	{"a zip archive or a PyTorch checkpoint", "unpack it, or export the model with torch.onnx.export", prefix("PK\x03\x04")},
	{"a Python pickle", "load it in Python and export the model with torch.onnx.export", prefix("\x80\x02")},
	{"an HDF5 file", "export the Keras model to ONNX, for instance with tf2onnx", prefix("\x89HDF\r\n")},
	{"a gzip file", "unpack it first", prefix("\x1f\x8b")},
	{"an xz file", "unpack it first", prefix("\xfd7zXZ")},
	{"a GGUF model", "ask its author for an ONNX export", prefix("GGUF")},
	{"a TensorFlow Lite model", "convert it to ONNX with tf2onnx", func(h []byte) bool { return len(h) >= 8 && string(h[4:8]) == "TFL3" }},
	{"a safetensors file", "it holds weights without a network: export the model to ONNX", func(h []byte) bool { return len(h) > 9 && h[7] == 0 && h[8] == '{' }},
	{"a text file", "check the path: a model is a binary file", isText},
}

// lookalikeOf returns what a file that is not a model seems to be, or nil.
func lookalikeOf(data []byte) *lookalike {
	head := data[:min(len(data), 512)]
	for i := range lookalikes {
		if lookalikes[i].matches(head) {
			return &lookalikes[i]
		}
	}
	return nil
}

func isHTML(head []byte) bool {
	head = bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n"))
	return bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html"))
}

// isText reports whether head is UTF-8 without control characters, up to a
// character that is cut at the end.
func isText(head []byte) bool {
	for i := 0; i < len(head); {
		r, n := utf8.DecodeRune(head[i:])
		if r == utf8.RuneError && n == 1 {
			return i > 0 && !utf8.FullRune(head[i:])
		}
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f' {
			return false
		}
		i += n
	}
	return true
}
