package key

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

// maxText bounds recipient and identity files, in bytes.
const maxText = 1 << 20

// ParseRecipient parses one recipient: age1… (X25519), age1pq1… (post-quantum), age1NAME1…
// (of a plugin), or a line of an SSH public key file (ssh-ed25519, ssh-rsa).
func ParseRecipient(s string) (age.Recipient, error) {
	s = strings.TrimSpace(s)
	switch {
	case strings.HasPrefix(s, "ssh-"):
		return agessh.ParseRecipient(s)
	case strings.HasPrefix(s, "age1pq1"):
		return age.ParseHybridRecipient(s)
	case strings.HasPrefix(s, "age1") && strings.Count(s, "1") > 1:
		return newPluginRecipient(s) // digits of Bech32 have no 1
	case strings.HasPrefix(s, "age1"):
		return age.ParseX25519Recipient(s)
	case strings.HasPrefix(s, "AGE-SECRET-KEY-"): // and not to be printed
		return nil, &ParseError{Problem: "this is an identity, not a recipient",
			Advice: "the recipient is the public key (age1…) in the comment of the identity file"}
	}
	return nil, &ParseError{Problem: "not a recipient", Advice: "recipients start with age1, ssh-ed25519 or ssh-rsa"}
}

// ParseRecipients parses a recipient a line, as age -R does. Empty lines and
// lines that start with # are skipped; no recipient at all is an error.
func ParseRecipients(r io.Reader) ([]age.Recipient, error) {
	text, err := readText(r)
	if err != nil {
		return nil, err
	}
	var all []age.Recipient
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		one, err := ParseRecipient(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, &ParseError{Problem: "no recipient in it", Advice: "recipients start with age1, ssh-ed25519 or ssh-rsa, one per line"}
	}
	return all, nil
}

// ParseIdentities parses an identity file: AGE-SECRET-KEY-… or AGE-PLUGIN-… a line with
// empty lines and # comments, as age-keygen and plugins write it, or an SSH private key
// without a passphrase. Those of plugins come last, as *PluginIdentity. Errors never quote
// the file.
func ParseIdentities(r io.Reader) ([]age.Identity, error) {
	text, err := readText(r)
	defer clear(text)
	switch {
	case err != nil:
		return nil, err
	case isAge(text) || isArmored(text):
		return nil, &ParseError{Problem: "it is encrypted itself", Advice: "decrypt the identity file first with age -d"}
	case bytes.HasPrefix(text, []byte("-----BEGIN ")):
		id, err := agessh.ParseIdentity(text)
		if err != nil {
			return nil, &ParseError{Problem: "SSH private key", Err: err, Advice: "ssh-ed25519 and ssh-rsa keys without a passphrase are possible"}
		}
		return []age.Identity{id}, nil
	}
	own, plugins, err := splitPlugins(text)
	var ids []age.Identity
	if err == nil && (len(plugins) == 0 || len(bytes.TrimSpace(own)) > 0) {
		ids, err = age.ParseIdentities(bytes.NewReader(own))
	}
	if err != nil {
		return nil, &ParseError{Err: err, Advice: "identity files have a line AGE-SECRET-KEY-1…, as advparams keygen and age-keygen write it"}
	}
	return append(ids, plugins...), nil
}

// splitPlugins parses the lines with identities of plugins, and returns the others that
// are not comments.
func splitPlugins(text []byte) (others []byte, plugins []age.Identity, err error) {
	if !bytes.Contains(text, []byte("AGE-PLUGIN-")) {
		return text, nil, nil
	}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		line = bytes.TrimSpace(line)
		switch {
		case bytes.HasPrefix(line, []byte("#")):
		case bytes.HasPrefix(line, []byte("AGE-PLUGIN-")):
			id, err := newPluginIdentity(string(line))
			if err != nil {
				return nil, nil, fmt.Errorf("line %d: %w", n, err)
			}
			plugins = append(plugins, id)
		default:
			others = append(append(others, line...), '\n')
		}
	}
	return others, plugins, nil
}

// ParseRecipientFile is ParseRecipients for the file at path.
func ParseRecipientFile(path string) ([]age.Recipient, error) {
	return parseFile(path, ParseRecipients)
}

// ParseIdentityFile is ParseIdentities for the file at path.
func ParseIdentityFile(path string) ([]age.Identity, error) {
	return parseFile(path, ParseIdentities)
}

func parseFile[T any](path string, parse func(io.Reader) ([]T, error)) ([]T, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := parse(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

func readText(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxText+1))
	if err == nil && len(text) > maxText {
		err = fmt.Errorf("more than %d bytes: not a recipient or identity file", maxText)
	}
	return text, err
}
