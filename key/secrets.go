package key

import (
	"bytes"

	"filippo.io/age"

	"github.com/advparams/advparams/onnxio"
)

// DefaultWorkFactor is the largest work to try a passphrase that a key can ask for, unless
// Secrets.MaxWorkFactor says otherwise: 1 GiB, and some seconds.
const DefaultWorkFactor = 20

// Secrets are what opens a sealed key.
type Secrets struct {
	Identities []age.Identity
	// Passphrase returns the passphrase. It is called only if the key is sealed with
	// one. It may be nil.
	Passphrase func() (string, error)
	// MaxWorkFactor bounds the work to try a passphrase, which the key decides: 2 to
	// its power KiB of memory, and time in proportion. 0 is DefaultWorkFactor; 30 is
	// the largest.
	MaxWorkFactor int
}

// Open reads the key in data as Read does. A key that asks for more work than is allowed
// is a *WorkFactorError. Opened.Wipe overwrites what Open has decrypted; data is the caller's.
func (s *Secrets) Open(data []byte) (*Opened, error) {
	ids := s.Identities
	if s.Passphrase != nil {
		info, err := Inspect(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		if info.Passphrase() {
			id, err := s.scrypt(info.WorkFactor)
			if err != nil {
				return nil, err
			}
			ids = append(ids[:len(ids):len(ids)], id)
		}
	}
	payload, _, err := open(bytes.NewReader(data), ids)
	if err != nil {
		return nil, err
	}
	k, err := decode(payload)
	if err != nil {
		clear(payload)
		return nil, damaged(err)
	}
	return &Opened{*k, payload}, nil
}

// scrypt returns the identity of the passphrase.
func (s *Secrets) scrypt(work int) (*age.ScryptIdentity, error) {
	most := s.MaxWorkFactor
	if most == 0 {
		most = DefaultWorkFactor
	}
	if work > most {
		return nil, &WorkFactorError{Asked: work, Allowed: most}
	}
	secret, err := s.Passphrase()
	if err != nil {
		return nil, err
	}
	id, err := age.NewScryptIdentity(secret)
	if err != nil {
		return nil, err
	}
	id.SetMaxWorkFactor(most)
	return id, nil
}

// Opened is a key that can be wiped.
type Opened struct {
	Key
	payload []byte
}

// Wipe overwrites with zeros what leads back to the original: seeds, and old values of
// elements and byte ranges. The key is of no use then. What the age library and the
// cryptographic packages of Go copied while the key was opened stays in memory until it is
// used for something else.
func (o *Opened) Wipe() {
	clear(o.payload)
	wipe(o.Record.Patches, o.Record.Splices)
	for i := range o.Record.Steps {
		s := &o.Record.Steps[i]
		wipe(s.Patches, s.Splices)
		if s.Keystream != nil {
			clear(s.Keystream.Key.Seed[:])
			clear(s.Keystream.Key.Salt[:])
		}
	}
}

func wipe(patches []onnxio.TensorPatch, splices []onnxio.Splice) {
	for i := range patches {
		clear(patches[i].Original)
	}
	for i := range splices {
		clear(splices[i].Original)
	}
}
