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
	"github.com/advparams/advparams/seal"
)

// documentedBytes returns the bytes of the n-th listing of docs/key-format.md, from 0.
func documentedBytes(t *testing.T, n int) (listed []byte) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "key-format.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```hex\n")
	if n+1 >= len(blocks) {
		t.Fatalf("docs/key-format.md has %d blocks of bytes", len(blocks)-1)
	}
	block, _, _ := strings.Cut(blocks[n+1], "```")
	for line := range strings.Lines(block) {
		digits, _, _ := strings.Cut(line, "  ") // the rest says what they mean
		b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(digits), " ", ""))
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		listed = append(listed, b...)
	}
	return listed
}

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
	if got := documentedBytes(t, 0); !bytes.Equal(got, want) {
		t.Errorf("docs/key-format.md shows\n%x\nbut encode returns\n%x", got, want)
	}
}

// The step that docs/key-format.md shows, and how its tensor is decrypted.
func TestDocumentedStep(t *testing.T) {
	var secret seal.Key
	for i := range secret.Seed {
		secret.Seed[i], secret.Salt[i] = byte(i), byte(0x80+i)
	}
	w := seal.Tensor{Kind: seal.Float32, Count: 4}
	want, err := appendStep(nil, &onnxio.Step{
		Results: []onnxio.Result{{Size: 247_000, SHA256: sha256.Sum256([]byte("original"))}},
		Keystream: &onnxio.Keystream{Key: secret, Ranges: []onnxio.SealedRange{
			{Name: "w", Range: seal.Range{Offset: 64, Length: 16, Tensor: w}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := documentedBytes(t, 1); !bytes.Equal(got, want) {
		t.Errorf("docs/key-format.md shows\n%x\nbut appendStep returns\n%x", got, want)
	}
	c, err := secret.Cipher(w)
	if err != nil {
		t.Fatal(err)
	}
	data := original(4, 0x00000000, 0x3edb8e17, 0x3e5e80e3, 0x3dfb1c2d)
	c.Unseal(data, 0, 1)
	if want := original(4, 0x3dcccccd, 0xbe4ccccd, 0x00000000, 0x3e99999a); !bytes.Equal(data, want) {
		t.Errorf("%x is decrypted, want %x", data, want)
	}
}
