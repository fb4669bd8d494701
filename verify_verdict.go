package advparams

import (
	"fmt"
	"strings"

	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify"
)

// Verdict says whether a locked model is what it should be.
type Verdict struct {
	OK      bool     `json:"ok"`
	Reasons []string `json:"reasons"` // why not
}

// VerdictError means that a locked or an unlocked model does not keep the limits of
// VerifyOptions. It wraps ErrTarget.
type VerdictError struct {
	Locked  string   // the path of the locked model
	Reasons []string // each a limit that is not kept
}

func (e *VerdictError) Error() string { return e.Locked + ": " + strings.Join(e.Reasons, "; ") }

// Unwrap returns ErrTarget.
func (e *VerdictError) Unwrap() error { return ErrTarget }

// renamed is the accuracy beyond a constant answer that renaming the answers of a locked model
// may bring. The search allows half of it on its own samples.
const renamed = 0.2

// checkLimits finds limits that say nothing, and those that there is nothing to compare with.
func (o *VerifyOptions) checkLimits() error {
	switch {
	case !(o.MaxLocked >= 0 && o.MaxLocked <= 1):
		return &OptionError{Option: "MaxLocked", Value: o.MaxLocked, Reason: "is not between 0 and 1"}
	case !(o.MinUnlocked >= 0 && o.MinUnlocked <= 1):
		return &OptionError{Option: "MinUnlocked", Value: o.MinUnlocked, Reason: "is not between 0 and 1"}
	case o.MaxLocked > 0 && !o.Data.Given():
		return optionf("MaxLocked", "there is no data to measure on")
	case o.MinUnlocked > 0 && !(o.Data.Given() && o.Key.given()):
		return optionf("MinUnlocked", "it needs data, and a key to unlock with")
	}
	return nil
}

// judge returns the verdict, and the limits that are not kept. Without a limit for the locked
// model, it has to be about as good as guesses.
func (v *verifier) judge() (all Verdict, missed []string) {
	say := func(limit bool, format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		if all.Reasons = append(all.Reasons, text); limit {
			missed = append(missed, text)
		}
	}
	all.Reasons = []string{}
	r := &v.report
	switch {
	case r.WithKey && r.Tampered:
		say(false, "the locked files are not those that the key was made for")
	case r.WithKey && !r.BitExact:
		say(false, "unlocking does not restore the original")
	}
	most := v.opt.MaxLocked
	tell := func(s *task.Score, where string) {
		switch {
		case s == nil:
		case most > 0 && s.Quality > most:
			say(true, "the locked model has the %s %.4f%s, more than %.4g", measureOf(s), s.Quality, where, most)
		case most == 0 && !verify.AsGuesses(s.Quality, s.Chance):
			say(false, "the locked model still has answers%s: its %s is %.4f, that of guesses %.4f", where, measureOf(s), s.Quality, s.Chance)
		case most == 0 && s.Translated > renamed:
			say(false, "the locked model still tells classes apart%s: renaming its answers brings the accuracy to %.4f above that of always giving the same answer", where, s.Translated)
		}
	}
	tell(r.Locked, "")
	if v.runtime != nil {
		tell(&v.runtime.score, " in "+v.runtime.Name)
	}
	if least := v.opt.MinUnlocked; least > 0 {
		switch s := r.Unlocked; {
		case s == nil:
			say(true, "there is no unlocked model to measure")
		case s.Quality < least:
			say(true, "the unlocked model has the %s %.4f, less than %.4g", measureOf(s), s.Quality, least)
		}
	}
	all.OK = len(all.Reasons) == 0
	return all, missed
}

// measureOf is the word for the quality of a score.
func measureOf(s *task.Score) string {
	if s.Classes != nil {
		return "accuracy"
	}
	return "quality"
}
