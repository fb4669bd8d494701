package advparams_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/mutate"
	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/key/keypb"
	"github.com/advparams/advparams/onnxio"
)

// TestMutatedKeys unlocks with keys that were changed field by field, under a digest or
// seal that is right, or byte by byte. What a key does not restore to the bit it leaves
// alone, and none takes more than 2 s of CPU time or 1 GB.
func TestMutatedKeys(t *testing.T) {
	count, seed := mutations(t, 500)
	me, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	bases, root := lockedModels(t), t.TempDir()
	var c costs
	opened := 0
	for i := range count {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		base := bases[rng.IntN(len(bases))]
		payload, kind := base.payload, rng.IntN(8)
		if kind > 0 {
			payload = mutate.Message(payload, (*keypb.Payload)(nil).ProtoReflect().Descriptor(), rng)
		}
		data := plainKey(payload)
		if kind == 1 {
			data = sealedKey(t, payload, me.Recipient())
		}
		if kind == 0 {
			data[rng.IntN(len(data))] ^= 1 << rng.IntN(8)
		}
		failed := t.Failed()
		name := fmt.Sprintf("key %d of seed %d: ", i, seed)
		dir := filepath.Join(root, "out")
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		err := c.call(t, name+"unlocking", func() error {
			_, err := advparams.Unlock(t.Context(), advparams.UnlockOptions{
				Locked: base.locked, Out: filepath.Join(dir, "out.onnx"),
				Key: advparams.KeyFile{From: bytes.NewReader(data), Identities: []age.Identity{me}},
			})
			return err
		})
		found := written(t, dir)
		switch {
		case err == nil && found["out.onnx"] != base.original:
			t.Errorf("%sit restores something else", name)
		case err == nil:
			opened++
		case len(found) > 0:
			t.Errorf("%s%v, and there are files", name, err)
		case !classified(err):
			t.Errorf("%serror of no class: %v", name, err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		keepFile(t, !failed && t.Failed(), fmt.Sprintf("%d-%d.key", seed, i), data)
	}
	c.log(t)
	if opened == 0 || opened == count {
		t.Errorf("%d of %d keys restore the model", opened, count)
	}
}

// classified reports whether an error tells whether the key, the identity or the locked
// model is wrong, or a file that the key names is not there.
func classified(err error) bool {
	for _, class := range []error{advparams.ErrDamaged, advparams.ErrIdentity, advparams.ErrMismatch, onnxio.ErrRecord, fs.ErrNotExist} {
		if errors.Is(err, class) {
			return true
		}
	}
	return false
}

// lockedModel is a locked model with the payload of its key.
type lockedModel struct {
	locked   string // the file
	payload  []byte
	original string // content
}

// lockedModels returns the models of testdata/vectors/keys that have plain keys, of all
// versions of the format.
func lockedModels(t *testing.T) (list []lockedModel) {
	t.Helper()
	keys, err := filepath.Glob(filepath.Join("testdata", "vectors", "keys", "*", "model.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range keys {
		data, locked := read(t, path), filepath.Join(filepath.Dir(path), "locked.onnx")
		k, err := key.Read(bytes.NewReader(data))
		if err != nil || !bytes.HasPrefix(data, []byte("advparams plain key")) {
			continue
		}
		original, err := os.ReadFile(filepath.Join(filepath.Dir(path), "original", k.Record.Files[0].Name))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, lockedModel{locked, data[len(plainKey(nil)):], string(original)})
	}
	if len(list) < 20 {
		t.Fatalf("%d keys", len(list))
	}
	return list
}

// written returns the contents of the files in a folder.
func written(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	if err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		found[name] = string(read(t, filepath.Join(dir, name)))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

// plainKey is a plain key with any payload.
func plainKey(payload []byte) []byte {
	const intro = "advparams plain key 1: not encrypted, whoever reads this file can unlock the model\n"
	return append(fmt.Appendf(nil, "%ssha256 %x\n", intro, sha256.Sum256(payload)), payload...)
}

// sealedKey is a sealed key with any payload.
func sealedKey(t *testing.T, payload []byte, to age.Recipient) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to)
	if err == nil {
		_, err = w.Write(payload)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
