package advparams_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/advparams/advparams"
)

// TestIdentity: what is sealed to a new identity's recipient opens with its file, and no
// file is replaced by another identity.
func TestIdentity(t *testing.T) {
	for _, postQuantum := range []bool{false, true} {
		id, err := advparams.NewIdentity(postQuantum)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "me.txt")
		if err := id.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		recipients, err := advparams.Recipients([]string{id.Recipient}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var sealed bytes.Buffer
		w, err := age.Encrypt(&sealed, recipients...)
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		identities, err := advparams.Identities(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := age.Decrypt(&sealed, identities...); err != nil {
			t.Errorf("post-quantum %v: %v", postQuantum, err)
		}
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := id.WriteFile(path); !errors.Is(err, advparams.ErrExists) {
			t.Errorf("written again: %v", err)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
			t.Errorf("the file changed: %v", err)
		}
	}
}

// TestRecipients: text that is no recipient is named, and an identity is not quoted.
func TestRecipients(t *testing.T) {
	id, err := advparams.NewIdentity(false)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"age2xyz", id.Secret} {
		_, err := advparams.Recipients([]string{text}, nil)
		var option *advparams.OptionError
		if !errors.As(err, &option) || option.Option != "Recipients" || strings.Contains(err.Error(), id.Secret) {
			t.Errorf("%s: %v", text, err)
		}
		var hinter interface{ Hint() string }
		if !errors.As(err, &hinter) || hinter.Hint() == "" {
			t.Errorf("%s: no hint", text)
		}
	}
}
