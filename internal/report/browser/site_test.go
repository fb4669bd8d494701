package browser

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestSite opens the documentation site in the folder that ADVPARAMS_SITE names, and searches it.
func TestSite(t *testing.T) {
	folder := os.Getenv("ADVPARAMS_SITE")
	if folder == "" {
		t.Skip("ADVPARAMS_SITE names no site (.ci/site)")
	}
	ctx := start(t)
	server := httptest.NewServer(http.FileServer(http.Dir(folder)))
	defer server.Close()
	w, err := watch(ctx, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, width := range []int64{1280, 390} {
		if _, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 800, DeviceScaleFactor: 1, Mobile: width < 500}); err != nil {
			t.Fatal(err)
		}
		for _, page := range []string{"index.html", "docs/commands/advparams-protect.html", "docs/models.html", "docs/operators.html"} {
			if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/"+page)); err != nil {
				t.Fatal(err)
			}
			found, err := chromedp.Run(ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`))
			if err != nil || found > width {
				t.Errorf("%s is %d pixels wide in a window of %d: %v", page, found, width, err)
			}
		}
	}
	const results = `new Promise(done => {
		const timer = setInterval(() => {
			const list = [...document.querySelectorAll('.md-search-result__link')].map(a => a.href);
			if (list.length) { clearInterval(timer); done(list.join(' ')); }
		}, 50);
	})`
	if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/index.html?q=letterbox")); err != nil {
		t.Fatal(err)
	}
	list, err := chromedp.Run(ctx, chromedp.Evaluate[string](results, chromedp.EvalAwaitPromise))
	if err != nil || !strings.Contains(list, "/docs/preprocessing.html") {
		t.Errorf("a search for letterbox finds %q: %v", list, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range w.requests {
		if !strings.HasPrefix(u, server.URL) && !strings.HasPrefix(u, "blob:") {
			t.Errorf("a page asks for %s", u)
		}
	}
	if len(w.errors) > 0 {
		t.Errorf("errors %q", w.errors)
	}
}
