package terminal

import "testing"

func TestColours(t *testing.T) {
	for _, c := range []struct {
		terminal bool
		env      map[string]string
		want     bool
	}{
		{true, nil, true},
		{false, nil, false},
		{true, map[string]string{"NO_COLOR": "1"}, false},
		{true, map[string]string{"NO_COLOR": ""}, true}, // the standard says: not empty
		{true, map[string]string{"CLICOLOR": "0"}, false},
		{true, map[string]string{"TERM": "dumb"}, false},
		{false, map[string]string{"CLICOLOR_FORCE": "1"}, true},
		{false, map[string]string{"CLICOLOR_FORCE": "0"}, false},
		{true, map[string]string{"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, false},
	} {
		if have := colours(c.terminal, func(name string) string { return c.env[name] }); have != c.want {
			t.Errorf("terminal %v, %v: %v", c.terminal, c.env, have)
		}
	}
	if have := Paint(nil, Red, "text"); have != "text" {
		t.Errorf("not on a terminal: %q", have)
	}
	if have := Width(nil); have != 80 {
		t.Errorf("no terminal is %d columns wide", have)
	}
}
