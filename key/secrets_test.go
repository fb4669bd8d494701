package key

import (
	"bytes"
	"errors"
	"testing"

	"filippo.io/age"
)

// TestSecretsWipe opens a sealed key and overwrites it.
func TestSecretsWipe(t *testing.T) {
	mine := x25519(t)
	s := Secrets{Identities: []age.Identity{mine}}
	o, err := s.Open(sealedBytes(t, stepped(), mine.Recipient()))
	if err != nil {
		t.Fatal(err)
	}
	key := o.Record.Steps[1].Keystream
	if seed := stepped().Record.Steps[1].Keystream.Key.Seed; key.Key.Seed != seed || !bytes.Contains(o.payload, seed[:]) {
		t.Fatal("the key has another seed")
	}
	o.Wipe()
	if key.Key.Seed != [32]byte{} || len(bytes.Trim(o.payload, "\x00")) > 0 {
		t.Error("the seed is still there")
	}
}

// TestSecretsWork refuses to try a passphrase that takes more work than is allowed.
func TestSecretsWork(t *testing.T) {
	const secret = "correct horse"
	recipient, _ := passphrase(t, secret)
	data := sealedBytes(t, small(), recipient)
	asked := 0
	s := Secrets{Passphrase: func() (string, error) { asked++; return secret, nil }, MaxWorkFactor: 1}
	var work *WorkFactorError
	if _, err := s.Open(data); !errors.As(err, &work) || asked > 0 {
		t.Errorf("error %v after asking %d times", err, asked)
	}
	s.MaxWorkFactor = 0
	if _, err := s.Open(data); err != nil || asked != 1 {
		t.Errorf("error %v after asking %d times", err, asked)
	}
}
