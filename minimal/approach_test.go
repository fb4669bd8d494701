package minimal

import (
	"testing"

	"github.com/advparams/advparams/perturb"
)

// TestApproach: the first change, which does most, does not fill the bar, and nothing moves it back.
func TestApproach(t *testing.T) {
	var a approach
	at := func(changed int, accuracy float64) perturb.Progress {
		return perturb.Progress{Changed: changed, Accuracy: accuracy, Target: 0.1, Before: 0.9}
	}
	reached := func(changed int, accuracy float64) perturb.Progress {
		now := at(changed, accuracy)
		now.Reached = true
		return now
	}
	last := 0
	for _, c := range []struct {
		now  perturb.Progress
		done int
		text string
	}{
		{at(0, 0.9), 0, "0 changed, accuracy 90.00 %, target 10.00 %"},
		{at(1, 0.3), 350, "1 changed, accuracy 30.00 %, target 10.00 %"},
		{at(2, 0.4), 350, "2 changed, accuracy 40.00 %, target 10.00 %"},
		{at(3, 0.15), 571, "3 changed, accuracy 15.00 %, target 10.00 %"},
		{at(4, 0.1), 700, "4 changed, accuracy 10.00 %, target 10.00 %"}, // undone by renaming the answers
		{reached(5, 0.09), 700, "5 changed, accuracy 9.00 %, target 10.00 %"},
		{at(4, 0.2), 730, "5 changed reach it, trying fewer"},
		{reached(4, 0.1), 757, "4 changed reach it, trying fewer"},
	} {
		a.step(c.now)
		done, text := a.done(), a.text(c.now, "accuracy")
		if done != c.done || text != c.text || done < last {
			t.Errorf("%+v: %d, %q, want %d, %q", c.now, done, text, c.done, c.text)
		}
		last = done
	}
	for range 1000 {
		a.step(at(4, 0.3))
	}
	if done := a.done(); done >= wholeSearch {
		t.Errorf("done is %d before the search is", done)
	}
	var zero approach
	zero.step(perturb.Progress{Changed: 1, Accuracy: 0.5, Target: 0, Before: 1})
	if done := zero.done(); done != 350 {
		t.Errorf("half of the way to 0 is %d", done)
	}
}
