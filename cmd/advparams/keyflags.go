package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/terminal"
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

	count int // of the recipients, once they have been read
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
		return withHint(usagef("nobody to seal the key for"),
			"give -r RECIPIENT or -R FILE (advparams keygen makes one), --passphrase, or --plain-key")
	case public && s.passphrase, public && s.plain, s.passphrase && s.plain:
		return usagef("recipients, --passphrase and --plain-key exclude one another")
	}
	return nil
}

// apply adds to the options of Protect whom to seal the key for. The passphrase is
// asked for when the key is made.
func (s *sealFlags) apply(a *app, opt *advparams.ProtectOptions) error {
	opt.PlainKey = s.plain
	if s.passphrase {
		opt.Passphrase = func() (string, error) { return a.passphrase(true) }
	}
	for _, text := range s.recipients {
		r, err := key.ParseRecipient(text)
		if err != nil {
			return &usageError{fmt.Errorf("--recipient %q: %w", abbreviated(text), err)}
		}
		opt.Recipients = append(opt.Recipients, r)
	}
	for _, path := range s.files {
		list, err := key.ParseRecipientFile(path)
		if err != nil {
			return err
		}
		opt.Recipients = append(opt.Recipients, list...)
	}
	s.count = len(opt.Recipients)
	return nil
}

// describe says how the key is protected.
func (s *sealFlags) describe() string {
	switch {
	case s.plain:
		return "not sealed"
	case s.passphrase:
		return "sealed with a passphrase"
	case s.count == 1:
		return "sealed to 1 recipient"
	}
	return fmt.Sprintf("sealed to %d recipients", s.count)
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

// file returns a key with the identities that open it. The passphrase is asked for if
// the key has one.
func (o *openFlags) file(a *app, path string) (advparams.KeyFile, error) {
	file := advparams.KeyFile{Path: path, Passphrase: func() (string, error) { return a.passphrase(false) }}
	if _, err := os.Stat(path); err != nil {
		return file, err // rather than what may be wrong with the identities
	}
	for _, name := range o.identities {
		list, err := key.ParseIdentityFile(name)
		if err != nil {
			return file, err
		}
		file.Identities = append(file.Identities, list...)
	}
	return file, nil
}

// passphrase returns the passphrase from the environment or the terminal, where
// a new one is asked for twice.
func (a *app) passphrase(isNew bool) (string, error) {
	if secret, ok := os.LookupEnv(passphraseVariable); ok {
		if secret == "" {
			return "", withHint(fmt.Errorf("%s is empty", passphraseVariable), "unset it to be asked, or put the passphrase into it")
		}
		return secret, nil
	}
	secret, err := terminal.AskPassphrase(isNew)
	if errors.Is(err, terminal.ErrNone) {
		err = withHint(err, "put it into the environment variable %s", passphraseVariable)
	}
	return secret, err
}
