// Package terminal talks to the person at a terminal: progress, colours and questions.
package terminal

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"
)

// Is reports whether a person looks at w.
func Is(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// ErrNone means that the process has no terminal to ask on.
var ErrNone = errors.New("no terminal to ask for the passphrase on")

// AskPassphrase asks for a passphrase, which is not shown. A new one is asked for
// twice and must be the same.
func AskPassphrase(isNew bool) (string, error) {
	tty, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return "", ErrNone
	}
	defer tty.Close()
	ask := func(prompt string) (string, error) {
		fmt.Fprint(tty, prompt)
		defer fmt.Fprintln(tty)
		secret, err := term.ReadPassword(int(tty.Fd()))
		if err != nil {
			return "", fmt.Errorf("reading the passphrase: %w", err)
		}
		return string(secret), nil
	}
	first, err := ask("Passphrase: ")
	switch {
	case err != nil:
		return "", err
	case first == "":
		return "", errors.New("the passphrase is empty")
	case !isNew:
		return first, nil
	}
	second, err := ask("The same again: ")
	switch {
	case err != nil:
		return "", err
	case first != second:
		return "", errors.New("the two passphrases differ")
	}
	return first, nil
}
