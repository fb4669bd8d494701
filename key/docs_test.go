package key

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/advparams/advparams/onnxio"
)

// The payload that docs/key-format.md shows byte by byte is what encode returns.
func TestDocumentedBytes(t *testing.T) {
	want, err := encode(&Key{
		Record: onnxio.Record{
			Files: []onnxio.FileRecord{{
				Name: "model.onnx", Size: 247_000, SHA256: sha256.Sum256([]byte("original")),
				LockedName: "locked.onnx", LockedSize: 247_000, LockedSHA256: sha256.Sum256([]byte("locked")),
			}},
			Patches: []onnxio.TensorPatch{{
				Tensor: "fc3.weight", Offset: 1234, Stride: 4, Width: 4,
				Indices: onnxio.IndicesOf(7, 310, 311), Original: original(4, 0x3dcccccd, 0xbe4ccccd, 0x3e99999a),
			}},
		},
		Tool:    "advparams v0.1.0",
		Summary: Summary{Profile: "minimal", Parameters: 61706, Changed: 3, Samples: 1000, Accuracy: 0.875, LockedAccuracy: 0.125},
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join("..", "docs", "key-format.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(text), "```hex\n")
	block, _, closed := strings.Cut(block, "```")
	if !found || !closed {
		t.Fatal("docs/key-format.md has no block of bytes")
	}
	var got []byte
	for line := range strings.Lines(block) {
		digits, _, _ := strings.Cut(line, "  ") // the rest says what they mean
		b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(digits), " ", ""))
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		got = append(got, b...)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("docs/key-format.md shows\n%x\nbut encode returns\n%x", got, want)
	}
}
