package key

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// How a plain key starts; then come its digest line and the payload.
const plainIntro = "advparams plain key 1: not encrypted, whoever reads this file can unlock the model\n"

// Seal writes k to w, encrypted so that each of the recipients can read it.
// A passphrase (age.NewScryptRecipient) has to be the only recipient. Nothing
// is written when k does not validate.
func Seal(w io.Writer, k *Key, recipients ...age.Recipient) error {
	payload, err := encode(k)
	if err != nil {
		return fmt.Errorf("sealing the key: %w", err)
	}
	isPassphrase := func(r age.Recipient) bool { _, ok := r.(*age.ScryptRecipient); return ok }
	switch {
	case len(recipients) == 0:
		return &RecipientsError{}
	case len(recipients) > 1 && slices.ContainsFunc(recipients, isPassphrase):
		return &RecipientsError{len(recipients)}
	}
	sealed, err := age.Encrypt(w, recipients...)
	if err == nil {
		_, err = sealed.Write(payload)
	}
	if err == nil {
		err = sealed.Close()
	}
	if err != nil {
		return fmt.Errorf("sealing the key: %w", err)
	}
	return nil
}

// WritePlain writes k to w in clear: two lines of text, the second with the
// SHA-256 of what follows, and the payload. The digest finds damage; it does
// not keep anyone from changing the key.
func WritePlain(w io.Writer, k *Key) error {
	payload, err := encode(k)
	if err == nil {
		_, err = w.Write(append(plainHeader(payload), payload...))
	}
	if err != nil {
		return fmt.Errorf("writing the plain key: %w", err)
	}
	return nil
}

func plainHeader(payload []byte) []byte {
	return fmt.Appendf(nil, "%ssha256 %x\n", plainIntro, sha256.Sum256(payload))
}

// Read reads a key to the end of r: plain, sealed, or sealed and armored. A
// plain key needs no identity. The error wraps ErrIdentity or ErrDamaged, or is that of
// r. A passphrase (age.NewScryptIdentity) is slow on purpose, and the
// file says how slow: who takes keys from strangers calls SetMaxWorkFactor
// of the identity.
func Read(r io.Reader, identities ...age.Identity) (*Key, error) {
	payload, _, err := open(r, identities)
	if err != nil {
		return nil, err
	}
	k, err := decode(payload)
	if err != nil {
		return nil, damaged(err)
	}
	return k, nil
}

// Info is what a key file says without being opened.
type Info struct {
	Sealed  bool
	Armored bool
	Size    int64 // of the file, in bytes
	// Recipients has the type of each recipient of a sealed key: "X25519",
	// "scrypt" (a passphrase), "ssh-ed25519" … It does not say who they are.
	Recipients []string
	// WorkFactor is the work to try a passphrase: 2 to its power KiB of memory, and
	// time in proportion. 0: the key has no passphrase.
	WorkFactor int
}

// Passphrase reports whether the key is sealed with a passphrase.
func (i Info) Passphrase() bool { return len(i.Recipients) == 1 && i.Recipients[0] == "scrypt" }

// Inspect reads a key to the end of r without opening it. It checks the digest
// of a plain key and the form of a sealed one's header, and no more. The error
// is ErrDamaged or what r returned.
func Inspect(r io.Reader) (Info, error) {
	_, info, err := open(r, nil)
	if err != nil && !errors.Is(err, ErrIdentity) {
		return Info{}, err
	}
	return info, nil
}

// nobody is an identity that opens nothing. age refuses an empty list of
// identities before it has looked at the header.
// It notes the work factor of a passphrase.
type nobody struct{ workFactor int }

func (n *nobody) Unwrap(recipients []*age.Stanza) ([]byte, error) {
	for _, r := range recipients {
		if r.Type == "scrypt" && len(r.Args) == 2 {
			n.workFactor, _ = strconv.Atoi(r.Args[1])
		}
	}
	return nil, age.ErrIncorrectIdentity
}

// open returns the payload of a key file, authenticated or compared with its
// digest. The Info is complete as well when the error is ErrIdentity.
func open(r io.Reader, identities []age.Identity) (payload []byte, info Info, err error) {
	// Read whole, so that an error of r is not taken for damage; armor makes a
	// key of MaxSize a third larger.
	const limit = MaxSize + MaxSize/2
	data, err := readAll(io.LimitReader(r, limit+1), sizeOf(r))
	switch {
	case err != nil:
		return nil, info, fmt.Errorf("reading the key: %w", err)
	case len(data) > limit:
		return nil, info, damaged(fmt.Errorf("the file is larger than %d bytes", limit))
	}
	info.Size = int64(len(data))
	src := io.Reader(bytes.NewReader(data))
	switch {
	case isPlain(data):
		payload, err = openPlain(data)
		return payload, info, err
	case isArmored(data):
		info.Armored, src = true, armor.NewReader(src)
	case !isAge(data):
		return nil, info, notKey(data)
	}
	info.Sealed = true
	var first nobody
	opened, err := age.Decrypt(src, append([]age.Identity{&first}, identities...)...)
	info.WorkFactor = first.workFactor
	if closed := (*age.NoIdentityMatchError)(nil); errors.As(err, &closed) {
		info.Recipients = closed.StanzaTypes
		return nil, info, &IdentityError{info}
	}
	if failed, ok := errors.AsType[*PluginError](err); ok {
		return nil, info, failed
	}
	if err == nil {
		// age authenticates each chunk before it returns it, and that it was
		// the last before io.EOF.
		payload, err = readAll(opened, len(data))
	}
	if err != nil {
		return nil, info, damaged(err)
	}
	return payload, info, nil
}

// sizeOf returns what is left of r, where it says so.
func sizeOf(r io.Reader) int {
	if r, ok := r.(interface{ Len() int }); ok {
		return min(r.Len(), MaxSize)
	}
	return 0
}

// readAll is io.ReadAll for about size bytes, which it reads into one piece of memory.
func readAll(r io.Reader, size int) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
}

// IsSecret reports whether a file that begins with head looks like a key, an age
// file, or an identity that opens such files. The first kilobytes are enough.
func IsSecret(head []byte) bool {
	return isPlain(head) || isAge(head) || isArmored(head) ||
		bytes.Contains(head, []byte("AGE-SECRET-KEY-")) || bytes.Contains(head, []byte("AGE-PLUGIN-")) ||
		bytes.Contains(head, []byte("PRIVATE KEY-----"))
}

// A damaged or newer header still tells the kind of a file.
func isPlain(data []byte) bool { return bytes.HasPrefix(data, []byte("advparams plain key")) }
func isAge(data []byte) bool   { return bytes.HasPrefix(data, []byte("age-encryption.org/")) }
func isArmored(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte(armor.Header))
}

func openPlain(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte(plainIntro)) {
		return nil, &DamagedError{errors.New("the first line of this plain key is damaged or of another version"), "if a newer advparams wrote it, update"}
	}
	if n := len(plainHeader(nil)); len(data) >= n && bytes.Equal(data[:n], plainHeader(data[n:])) {
		return data[n:], nil
	}
	return nil, damaged(errors.New("the SHA-256 of this plain key does not match its content"))
}

// notKey is the error for a file that is none of the three kinds.
func notKey(data []byte) error {
	what := "this is not a key file"
	switch {
	case len(data) == 0:
		what = "the file is empty"
	case bytes.Contains(data[:min(len(data), 512)], []byte("AGE-SECRET-KEY-")):
		what = "this is an identity, which opens a key"
	}
	return &DamagedError{errors.New(what), "the key is the file that was written along with the locked model"}
}
