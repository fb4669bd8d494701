package advparams

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"filippo.io/age"

	"github.com/advparams/advparams/key"
)

// KeyFile is a key and what opens it. Identities reads them.
type KeyFile struct {
	// Path is the file. If From is not nil, it is read instead.
	Path string
	From io.Reader
	// Identities open a sealed key. A plain key needs none.
	Identities []age.Identity
	// Passphrase returns the passphrase. It is called only if the key is sealed with
	// one.
	Passphrase func() (string, error)
	// MaxWorkFactor bounds the work to try a passphrase, which the key decides: 2 to
	// its power KiB of memory, and time in proportion. 0 is DefaultWorkFactor; 30 is
	// the largest. A key that asks for more is a *key.WorkFactorError.
	MaxWorkFactor int
}

// DefaultWorkFactor is the largest work to try a passphrase that a key can ask for,
// unless KeyFile.MaxWorkFactor says otherwise: 1 GiB, and some seconds. Keys are written
// with 18.
const DefaultWorkFactor = key.DefaultWorkFactor

// headSize is how much of a file shows what it is, in bytes.
const headSize = 4096

// given reports whether there is a key.
func (k *KeyFile) given() bool { return k.Path != "" || k.From != nil }

// name is what messages call the key.
func (k *KeyFile) name() string {
	if k.From != nil && k.Path == "" {
		return "key"
	}
	return k.Path
}

// read returns the bytes of the key and what they say without being opened.
func (k *KeyFile) read() (data []byte, info key.Info, err error) {
	from := k.From
	if from == nil {
		f, err := os.Open(k.Path)
		if err != nil {
			return nil, info, err
		}
		defer f.Close()
		from = f
	}
	if data, err = readKey(from); err != nil {
		return nil, info, err
	}
	if info, err = key.Inspect(bytes.NewReader(data)); err != nil {
		return nil, info, fmt.Errorf("%s: %w", k.name(), err)
	}
	return data, info, nil
}

// readKey reads a key, or the beginning of what is none: there may be no end to it.
func readKey(from io.Reader) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 0, headSize+bytes.MinRead))
	if _, err := b.ReadFrom(io.LimitReader(from, headSize)); err != nil || !key.IsSecret(b.Bytes()) {
		return b.Bytes(), err
	}
	if f, ok := from.(*os.File); ok {
		if info, err := f.Stat(); err == nil {
			b.Grow(int(min(info.Size(), key.MaxSize)))
		}
	}
	// What is longer is damaged; Inspect says so.
	_, err := b.ReadFrom(io.LimitReader(from, 2*key.MaxSize))
	return b.Bytes(), err
}

// open opens the key in data.
func (k *KeyFile) open(data []byte) (*key.Opened, error) {
	if k.MaxWorkFactor < 0 || k.MaxWorkFactor > 30 {
		return nil, &OptionError{Option: "Key.MaxWorkFactor", Value: k.MaxWorkFactor, Reason: "is not between 1 and 30"}
	}
	secrets := key.Secrets{Identities: k.Identities, Passphrase: k.Passphrase, MaxWorkFactor: k.MaxWorkFactor}
	opened, err := secrets.Open(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.name(), err)
	}
	return opened, nil
}

// load reads and opens the key.
func (k *KeyFile) load() (*key.Opened, error) {
	data, _, err := k.read()
	if err != nil {
		return nil, err
	}
	defer clear(data) // a plain key is a secret
	return k.open(data)
}
