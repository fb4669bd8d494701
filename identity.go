package advparams

import (
	"fmt"
	"io"
	"time"

	"filippo.io/age"
	"filippo.io/age/plugin"

	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/onnxio/atomicfile"
)

// Identity is an age identity that NewIdentity made. Secret opens what is sealed to
// Recipient.
type Identity struct {
	Secret    string // AGE-SECRET-KEY-…
	Recipient string // age1…
	created   time.Time
}

// NewIdentity makes an age identity, as age-keygen does: of X25519, or post-quantum, of
// X25519 and ML-KEM-768 together, with a long recipient.
func NewIdentity(postQuantum bool) (*Identity, error) {
	id := &Identity{created: time.Now()}
	if postQuantum {
		made, err := age.GenerateHybridIdentity()
		if err != nil {
			return nil, err
		}
		id.Secret, id.Recipient = made.String(), made.Recipient().String()
		return id, nil
	}
	made, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	id.Secret, id.Recipient = made.String(), made.Recipient().String()
	return id, nil
}

// WriteTo writes the identity with its recipient in a comment, as Identities and age
// read it.
func (id *Identity) WriteTo(w io.Writer) (int64, error) {
	n, err := fmt.Fprintf(w, "# created: %s\n# public key: %s\n%s\n", id.created.Format(time.RFC3339), id.Recipient, id.Secret)
	return int64(n), err
}

// WriteFile writes what WriteTo writes to a new file that its owner alone can read. It
// replaces no file: what is sealed to an identity in it could no longer be opened.
func (id *Identity) WriteFile(path string) error {
	var out atomicfile.Set
	defer out.Abort()
	f, err := out.CreatePrivate(path)
	if err != nil {
		return err
	}
	if _, err := id.WriteTo(f); err != nil {
		return err
	}
	return out.Commit()
}

// Identities reads the identities in files: of age, of plugins of age, or SSH private keys
// without a passphrase. A plugin that has to ask for something fails; AskAtTerminal changes
// that.
func Identities(files ...string) ([]age.Identity, error) {
	var all []age.Identity
	for _, name := range files {
		list, err := key.ParseIdentityFile(name)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// AskAtTerminal lets plugins among identities ask at the terminal of this process. What they
// tell goes to printf and warnf.
func AskAtTerminal(identities []age.Identity, printf, warnf func(format string, args ...any)) {
	for _, id := range identities {
		if id, ok := id.(*key.PluginIdentity); ok {
			id.UI = plugin.NewTerminalUI(printf, warnf)
		}
	}
}

// RecipientsOf returns the recipients (age1…, age1pq1…) that belong to the identities in a
// file. Of an SSH key there is none to return: its public key is in a file of its own.
func RecipientsOf(file string) ([]string, error) {
	identities, err := Identities(file)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, id := range identities {
		switch id := id.(type) {
		case *age.X25519Identity:
			all = append(all, id.Recipient().String())
		case *age.HybridIdentity:
			all = append(all, id.Recipient().String())
		default:
			return nil, fmt.Errorf("%s: an identity that is not of age, such as an SSH key, whose public key is in a file of its own", file)
		}
	}
	return all, nil
}

// Recipients parses recipients (age1…, age1pq1…, age1NAME1…, ssh-ed25519 …, ssh-rsa …), and reads
// those in files, which have one a line. A text that is no recipient is an *OptionError.
func Recipients(texts, files []string) ([]age.Recipient, error) {
	var all []age.Recipient
	for _, text := range texts {
		one, err := key.ParseRecipient(text)
		if err != nil {
			return nil, &OptionError{Option: "Recipients", Reason: fmt.Sprintf("%q: %v", abbreviated(text), err), Err: err}
		}
		all = append(all, one)
	}
	for _, name := range files {
		list, err := key.ParseRecipientFile(name)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// abbreviated returns the beginning of what may be a secret that got into the wrong
// place.
func abbreviated(s string) string {
	if len(s) > 12 {
		return s[:12] + "…"
	}
	return s
}
