package perturb

import "testing"

// TestRefuted: changes that do not reach the target are found out once. The same changes cost
// nothing a second time, and the score and the answer are the same.
func TestRefuted(t *testing.T) {
	t.Parallel()
	s := examined(t, 128, Options{Calibration: 64})
	list, err := s.round(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	s.become(list)
	reached, near, err := s.accept(t.Context())
	if err != nil || reached {
		t.Fatalf("accept: %v, %v", reached, err)
	}
	first, work := s.result.Locked, s.meter.Work()
	s.become(nil)
	s.become(list)
	again, close, err := s.accept(t.Context())
	if err != nil || again || close != near || s.result.Locked.Quality != first.Quality {
		t.Errorf("accept: %v, %v, %v, quality %v; before it was %v, quality %v", again, close, err, s.result.Locked.Quality, near, first.Quality)
	}
	if s.meter.Work() != work {
		t.Errorf("it took %d multiply-adds", s.meter.Work()-work)
	}
}
