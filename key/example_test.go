package key_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"log"

	"filippo.io/age"

	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/onnxio"
)

// A key is sealed to a recipient and opened with the identity it belongs to.
// In a program the Record comes from onnxio's Rewrite, and goes to its Restore.
func Example() {
	record := onnxio.Record{
		Files: []onnxio.FileRecord{{
			Name: "model.onnx", Size: 247_000, SHA256: sha256.Sum256([]byte("original")),
			LockedName: "locked.onnx", LockedSize: 247_000, LockedSHA256: sha256.Sum256([]byte("locked")),
		}},
		Patches: []onnxio.TensorPatch{{
			Tensor: "fc3.weight", Offset: 1234, Stride: 4, Width: 4,
			Indices: onnxio.IndicesOf(7, 310, 311), Original: []byte("\xcd\xcc\xcc\x3d\xcd\xcc\x4c\xbe\x9a\x99\x99\x3e"),
		}},
	}
	alice, err := age.GenerateX25519Identity()
	if err != nil {
		log.Fatal(err)
	}

	var file bytes.Buffer
	if err := key.Seal(&file, &key.Key{Record: record, Tool: "example"}, alice.Recipient()); err != nil {
		log.Fatal(err)
	}

	info, err := key.Inspect(bytes.NewReader(file.Bytes()))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("sealed to", info.Recipients)

	_, err = key.Read(bytes.NewReader(file.Bytes()))
	fmt.Println("without an identity:", errors.Is(err, key.ErrIdentity))

	k, err := key.Read(bytes.NewReader(file.Bytes()), alice)
	if err != nil {
		log.Fatal(err)
	}
	p := k.Record.Patches[0]
	fmt.Printf("%s: %d elements of %s to put back\n", k.Record.Files[0].Name, p.Indices.Len(), p.Tensor)
	// Output:
	// sealed to [X25519]
	// without an identity: true
	// model.onnx: 3 elements of fc3.weight to put back
}
