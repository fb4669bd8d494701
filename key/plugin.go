package key

import (
	"errors"
	"fmt"

	"filippo.io/age"
	"filippo.io/age/plugin"
)

// A PluginIdentity is an identity that a plugin of age holds, such as those for YubiKeys,
// TPMs and key management services: AGE-PLUGIN-NAME-1…. To unwrap a key it runs the program
// age-plugin-NAME, which has to be on PATH.
type PluginIdentity struct {
	text, name string
	// UI is how the plugin asks for a PIN and says what it waits for. As it is, nobody
	// answers, and a plugin that has to ask fails.
	UI *plugin.ClientUI
}

// newPluginIdentity parses an identity.
func newPluginIdentity(text string) (*PluginIdentity, error) {
	id := &PluginIdentity{text: text, UI: &plugin.ClientUI{}}
	inner, err := plugin.NewIdentity(text, id.UI)
	if err != nil {
		return nil, errors.New("malformed identity of a plugin") // without the text
	}
	id.name = inner.Name()
	return id, nil
}

// Unwrap implements age.Identity. Errors are *PluginError or age.ErrIncorrectIdentity.
func (id *PluginIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	inner, err := plugin.NewIdentity(id.text, id.UI)
	if err != nil {
		return nil, err
	}
	fileKey, err := inner.Unwrap(stanzas)
	if err != nil && !errors.Is(err, age.ErrIncorrectIdentity) {
		return nil, &PluginError{id.name, err}
	}
	return fileKey, err
}

// newPluginRecipient parses the recipient of a plugin, age1NAME1….
func newPluginRecipient(text string) (age.Recipient, error) {
	r, err := plugin.NewRecipient(text, &plugin.ClientUI{})
	if err != nil {
		return nil, fmt.Errorf("malformed recipient: %w", err)
	}
	return r, nil
}

// PluginError means that a plugin of age is not there, or failed. It wraps ErrIdentity.
type PluginError struct {
	Name string // of the plugin, without age-plugin-
	Err  error
}

func (e *PluginError) Error() string {
	if e.missing() {
		return fmt.Sprintf("%v: there is no program age-plugin-%s", ErrIdentity, e.Name)
	}
	return fmt.Sprintf("%v: plugin %s: %v", ErrIdentity, e.Name, e.Err)
}

// Unwrap returns ErrIdentity and Err.
func (e *PluginError) Unwrap() []error { return []error{ErrIdentity, e.Err} }

// Hint says what to do.
func (e *PluginError) Hint() string {
	if e.missing() {
		return "install the plugin, so that its program is on PATH"
	}
	return "a plugin that asks for a PIN needs a terminal"
}

func (e *PluginError) missing() bool {
	_, missing := errors.AsType[*plugin.NotFoundError](e.Err)
	return missing
}
