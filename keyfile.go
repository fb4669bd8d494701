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
}

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
	// What is longer is damaged; Inspect says so. There may be no end to it.
	if data, err = io.ReadAll(io.LimitReader(from, 2*key.MaxSize)); err != nil {
		return nil, info, err
	}
	if info, err = key.Inspect(bytes.NewReader(data)); err != nil {
		return nil, info, fmt.Errorf("%s: %w", k.name(), err)
	}
	return data, info, nil
}

// open opens the key in data.
func (k *KeyFile) open(data []byte, info key.Info) (*key.Key, error) {
	ids := k.Identities
	if info.Passphrase() && k.Passphrase != nil {
		secret, err := k.Passphrase()
		if err != nil {
			return nil, err
		}
		id, err := age.NewScryptIdentity(secret)
		if err != nil {
			return nil, err
		}
		ids = append(ids[:len(ids):len(ids)], id)
	}
	opened, err := key.Read(bytes.NewReader(data), ids...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.name(), err)
	}
	return opened, nil
}

// load reads and opens the key.
func (k *KeyFile) load() (*key.Key, error) {
	data, info, err := k.read()
	if err != nil {
		return nil, err
	}
	return k.open(data, info)
}
