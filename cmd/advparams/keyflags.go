package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"filippo.io/age"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/key"
)

// passphraseVariable holds the passphrase where nobody can be asked.
const passphraseVariable = "ADVPARAMS_PASSPHRASE"

// sealFlags say for whom a key is sealed.
type sealFlags struct {
	recipients []string
	files      []string
	passphrase bool
	plain      bool
}

func (s *sealFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringArrayVarP(&s.recipients, "recipient", "r", nil, "seal the key to this `RECIPIENT`: age1…, ssh-ed25519 … or ssh-rsa …; may be repeated")
	fl.StringArrayVarP(&s.files, "recipients-file", "R", nil, "seal the key to the recipients in `FILE`, one a line; may be repeated")
	fl.BoolVar(&s.passphrase, "passphrase", false, "seal the key with a passphrase, from the terminal or "+passphraseVariable)
	fl.BoolVar(&s.plain, "plain-key", false, "do not seal the key: whoever has it can unlock")
	must(cmd.MarkFlagFilename("recipients-file"))
}

func (s *sealFlags) check() error {
	public := len(s.recipients)+len(s.files) > 0
	switch {
	case !public && !s.passphrase && !s.plain:
		return hint.With(usagef("nobody to seal the key for"),
			"give -r RECIPIENT or -R FILE (advparams keygen makes one), --passphrase, or --plain-key")
	case public && s.passphrase, public && s.plain, s.passphrase && s.plain:
		return usagef("recipients, --passphrase and --plain-key exclude one another")
	}
	return nil
}

// open returns the recipients, none for a plain key. It asks for the passphrase.
func (s *sealFlags) open(a *app) ([]age.Recipient, error) {
	switch {
	case s.plain:
		return nil, nil
	case s.passphrase:
		secret, err := a.passphrase(true)
		if err != nil {
			return nil, err
		}
		r, err := age.NewScryptRecipient(secret)
		return []age.Recipient{r}, err
	}
	var all []age.Recipient
	for _, text := range s.recipients {
		r, err := key.ParseRecipient(text)
		if err != nil {
			return nil, &usageError{fmt.Errorf("--recipient %q: %w", abbreviated(text), err)}
		}
		all = append(all, r)
	}
	for _, path := range s.files {
		list, err := key.ParseRecipientFile(path)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// abbreviated shows the beginning of what may be a secret that got into the wrong place.
func abbreviated(s string) string {
	if len(s) > 12 {
		return s[:12] + "…"
	}
	return s
}

// openFlags say how to open a key.
type openFlags struct {
	identities []string
}

func (o *openFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&o.identities, "identity", "i", nil,
		"open the key with the identities in `FILE`; may be repeated. A passphrase comes from the terminal or "+passphraseVariable)
	must(cmd.MarkFlagFilename("identity", "txt"))
}

// read reads and opens a key. It asks for the passphrase if the key has one.
func (o *openFlags) read(a *app, path string) (*key.Key, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	info, err := key.Inspect(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return o.unseal(a, path, data, info)
}

// unseal opens the key in data.
func (o *openFlags) unseal(a *app, path string, data []byte, info key.Info) (*key.Key, error) {
	var ids []age.Identity
	for _, file := range o.identities {
		list, err := key.ParseIdentityFile(file)
		if err != nil {
			return nil, err
		}
		ids = append(ids, list...)
	}
	if info.Passphrase() {
		secret, err := a.passphrase(false)
		if err != nil {
			return nil, err
		}
		id, err := age.NewScryptIdentity(secret)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	k, err := key.Read(bytes.NewReader(data), ids...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// passphrase returns the passphrase from the environment or the terminal, where
// a new one is asked for twice.
func (a *app) passphrase(isNew bool) (string, error) {
	if secret, ok := os.LookupEnv(passphraseVariable); ok {
		if secret == "" {
			return "", hint.With(fmt.Errorf("%s is empty", passphraseVariable), "unset it to be asked, or put the passphrase into it")
		}
		return secret, nil
	}
	tty, err := os.OpenFile(terminal, os.O_RDWR, 0)
	if err != nil {
		return "", hint.With(errors.New("no terminal to ask for the passphrase on"), "put it into the environment variable %s", passphraseVariable)
	}
	defer tty.Close()
	ask := func(prompt string) (string, error) {
		fmt.Fprint(tty, prompt)
		defer fmt.Fprintln(tty)
		secret, err := term.ReadPassword(int(tty.Fd()))
		return string(secret), err
	}
	first, err := ask("Passphrase: ")
	switch {
	case err != nil:
		return "", fmt.Errorf("reading the passphrase: %w", err)
	case first == "":
		return "", errors.New("the passphrase is empty")
	case !isNew:
		return first, nil
	}
	second, err := ask("The same again: ")
	if err == nil && first != second {
		err = errors.New("the two passphrases differ")
	}
	return first, err
}
