package advparams_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/models"
	"github.com/advparams/advparams/onnxio/atomicfile"
)

// demo writes the embedded model and its data to a temporary folder.
func demo() (dir string) {
	dir, err := os.MkdirTemp("", "advparams-")
	if err != nil {
		log.Fatal(err)
	}
	var out atomicfile.Set
	if err := models.Write(&out, dir); err != nil {
		log.Fatal(err)
	}
	if err := out.Commit(); err != nil {
		log.Fatal(err)
	}
	return dir
}

// Lock an image classifier, look at what is left of it, and unlock it.
func Example() {
	dir := demo() // a model that reads hexadecimal digits, and its data
	defer os.RemoveAll(dir)
	file := func(name string) string { return filepath.Join(dir, name) }
	ctx := context.Background()

	identity, err := age.GenerateX25519Identity()
	if err != nil {
		log.Fatal(err)
	}
	data := advparams.Data{Path: file(models.DataFolder)}
	key := advparams.KeyFile{Path: file("model.key"), Identities: []age.Identity{identity}}

	locked, err := advparams.Protect(ctx, advparams.ProtectOptions{
		Model: file(models.ModelFile), Data: data,
		Locked: file("locked.onnx"), Key: key.Path, Recipients: []age.Recipient{identity.Recipient()},
	})
	if err != nil {
		log.Fatal(err)
	}
	found, err := advparams.Verify(ctx, advparams.VerifyOptions{Locked: file("locked.onnx"), Key: key, Data: data})
	if err != nil {
		log.Fatal(err)
	}
	original, err := advparams.Unlock(ctx, advparams.UnlockOptions{Locked: file("locked.onnx"), Key: key, Out: file("unlocked.onnx")})
	if err != nil {
		log.Fatal(err)
	}

	fmt.Printf("%d of %d parameters changed\n", locked.ParamsChanged, locked.ParamsTotal)
	fmt.Printf("accuracy: locked %.0f %%, unlocked %.0f %%\n", 100**found.Accuracy.Locked, 100**found.Accuracy.Unlocked)
	fmt.Println("the same bytes:", original.SHA256 == locked.SHA256.Original)
	// Output:
	// 2 of 45200 parameters changed
	// accuracy: locked 7 %, unlocked 97 %
	// the same bytes: true
}
