package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/terminal"
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
	fl.StringArrayVarP(&s.files, "recipients-file", "R", nil, "seal the key to the recipients in `FILE`, one per line; may be repeated")
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
	list, err := advparams.Recipients(s.recipients, s.files)
	opt.Recipients = list
	s.count = len(list)
	return err
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

// openFlags say which key to open, and how.
type openFlags struct {
	path       string
	identities []string
	workFactor int
}

// register defines --identity, and with a usage --key as well.
func (o *openFlags) register(cmd *cobra.Command, usage string) {
	if usage != "" {
		fileFlag(cmd, &o.path, "key", "", usage, "key")
	}
	cmd.Flags().StringArrayVarP(&o.identities, "identity", "i", nil,
		"open the key with the identities in `FILE`; may be repeated. A passphrase comes from the terminal or "+passphraseVariable)
	must(cmd.MarkFlagFilename("identity", "txt"))
	cmd.Flags().IntVar(&o.workFactor, "max-work-factor", advparams.DefaultWorkFactor,
		"try a passphrase on keys that need up to 2^`N` KiB of memory")
}

func (o *openFlags) check() error {
	if o.path == "" && len(o.identities) > 0 {
		return usagef("--identity opens a key, but there is no --key")
	}
	return nil
}

// file returns the key with the identities that open it; none if there is no path. The
// passphrase is asked for if the key has one.
func (o *openFlags) file(a *app) (file advparams.KeyFile, err error) {
	if o.path == "" {
		return file, nil
	}
	file = advparams.KeyFile{Path: o.path, Passphrase: func() (string, error) { return a.passphrase(false) }, MaxWorkFactor: o.workFactor}
	if _, err := os.Stat(o.path); err != nil {
		return file, err // rather than what may be wrong with the identities
	}
	for _, name := range o.identities {
		if exposed(name) {
			a.warn("%s can be read by other users of this machine: chmod 600 takes that away", name)
		}
	}
	file.Identities, err = advparams.Identities(o.identities...)
	advparams.AskAtTerminal(file.Identities, a.note, a.warn)
	return file, err
}

// exposed reports whether others than the owner of a file can read it.
func exposed(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && runtime.GOOS != "windows" && info.Mode().Perm()&0o044 != 0
}

// leastPassphrase is how many characters a new passphrase has at least: what NIST SP
// 800-63B asks of passwords that people choose.
const leastPassphrase = 8

// passphrase returns the passphrase from the environment or the terminal, where
// a new one is asked for twice.
func (a *app) passphrase(isNew bool) (string, error) {
	secret, here := os.LookupEnv(passphraseVariable)
	switch {
	case here && secret == "":
		return "", withHint(fmt.Errorf("%s is empty", passphraseVariable), "unset it to be asked, or put the passphrase into it")
	case !here:
		var err error
		if secret, err = terminal.AskPassphrase(isNew); errors.Is(err, terminal.ErrNone) {
			return "", withHint(err, "put it into the environment variable %s", passphraseVariable)
		} else if err != nil {
			return "", err
		}
	}
	if n := utf8.RuneCountInString(secret); isNew && n < leastPassphrase {
		return "", withHint(usagef("a passphrase of %d characters is too short", n),
			"take %d or more, best some words chosen at random; or seal the key to an identity, which advparams keygen makes", leastPassphrase)
	}
	return secret, nil
}
