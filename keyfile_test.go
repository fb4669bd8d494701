package advparams_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"filippo.io/age"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/key"
)

// A key says how much work a passphrase is. A stranger's key cannot ask for more than
// the options allow, and is refused before anybody is asked for the passphrase.
func TestWorkFactor(t *testing.T) {
	r, err := age.NewScryptRecipient("secret")
	if err != nil {
		t.Fatal(err)
	}
	r.SetWorkFactor(12)
	var b bytes.Buffer
	w, err := age.Encrypt(&b, r)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for asked, c := range map[string]struct {
		allowed int
		refused bool
	}{"12": {12, false}, "22": {0, true}, "13": {12, true}, "4000000000": {30, true}} {
		data := bytes.Replace(b.Bytes(), []byte(" 12\n"), []byte(" "+asked+"\n"), 1)
		called := false
		file := advparams.KeyFile{From: bytes.NewReader(data), MaxWorkFactor: c.allowed, Passphrase: func() (string, error) {
			called = true
			return "secret", nil
		}}
		_, err := advparams.Unlock(t.Context(), advparams.UnlockOptions{Locked: "model.onnx", Key: file, OutTo: io.Discard})
		_, refused := errors.AsType[*key.WorkFactorError](err)
		if refused != c.refused || called == refused || refused && !errors.Is(err, advparams.ErrIdentity) {
			t.Errorf("work factor %s where %d is allowed: %v; passphrase asked for: %v", asked, c.allowed, err, called)
		}
	}
	_, err = advparams.Unlock(t.Context(), advparams.UnlockOptions{Locked: "model.onnx", OutTo: io.Discard, Key: advparams.KeyFile{
		From: &b, MaxWorkFactor: 31, Passphrase: func() (string, error) { return "secret", nil }}})
	if option, ok := errors.AsType[*advparams.OptionError](err); !ok || option.Option != "Key.MaxWorkFactor" {
		t.Errorf("31 is allowed: %v", err)
	}
}

// endless is a stream that counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	clear(p)
	e.read += len(p)
	return len(p), nil
}

// What is no key is not read beyond its beginning, and has perhaps no end.
func TestEndlessKey(t *testing.T) {
	var zeros endless
	_, err := advparams.Unlock(t.Context(), advparams.UnlockOptions{Locked: "model.onnx", Key: advparams.KeyFile{From: &zeros}, OutTo: io.Discard})
	if !errors.Is(err, advparams.ErrDamaged) || zeros.read > 1<<16 {
		t.Errorf("%v after %d bytes", err, zeros.read)
	}
	if _, err := os.Stat("/dev/zero"); err != nil {
		return
	}
	if _, err := advparams.Inspect(t.Context(), advparams.InspectOptions{Path: "/dev/zero"}); err == nil {
		t.Error("/dev/zero is a model or a key")
	}
}
