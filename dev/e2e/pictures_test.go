//go:build pictures

package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/orderloom/orderloom/internal/testing/guide"
	"github.com/stretchr/testify/require"
)

var updatePictures = flag.Bool("update-pictures", false, "write the pictures of docs/tutorial.md anew")

// pictureBytesMax bounds a picture, so that the repository stays small.
const pictureBytesMax = 200_000

// moment is where the reader of the tutorial is.
type moment struct{ order, bank string }

// picture is a page as the tutorial shows it.
type picture struct {
	// url is the page, and shows a text that it has once it is whole.
	url, shows    string
	width, height int64
	// from is the heading with which the picture begins; empty for the top of the page.
	from string
}

// picturesOf are the pages of the tutorial's pictures.
func (s *shop) picturesOf(m moment) map[string]picture {
	saga := s.platform.SagaURL(m.order)
	return map[string]picture{
		"tutorial-docs.png":    {s.platform.APIURL + "/docs", "Place an order", 1200, 720, ""},
		"tutorial-waiting.png": {saga, "Event History", 1360, 960, ""},
		"tutorial-bank.png":    {m.bank, "Confirm this payment", 720, 480, ""},
		"tutorial-saga.png":    {saga, "DeliverShipment", 1360, 800, "Timeline"},
	}
}

// imageOrBlock is a picture of a document, or a block of commands.
var imageOrBlock = regexp.MustCompile("(?m)!\\[[^\\]]*\\]\\(images/([a-z-]+\\.png)\\)|^```sh\n")

// TestThePicturesOfTheTutorial goes through docs/tutorial.md as its reader does. It takes a picture with a real browser
// wherever the document shows one. Each page has to show what the document says. With -update-pictures they are kept.
func TestThePicturesOfTheTutorial(t *testing.T) {
	s := openShop(t, "ORDERLOOM_MODE", "test")
	const path = "../../docs/tutorial.md"
	document, err := os.ReadFile(path)
	require.NoError(t, err)
	due := map[int][]string{} // the pictures that stand behind each block of commands
	block := 0
	for _, m := range imageOrBlock.FindAllStringSubmatch(string(document), -1) {
		if m[1] == "" {
			block++
		} else {
			due[block] = append(due[block], m[1])
		}
	}
	b := openBrowser(t)
	for _, name := range due[0] {
		require.NoError(t, b.take(name, s.picturesOf(moment{})[name]))
	}

	var lock sync.Mutex
	done := 0
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lock.Lock()
		defer lock.Unlock()
		done++
		for _, name := range due[done] {
			if err := b.take(name, s.picturesOf(moment{r.FormValue("order"), r.FormValue("bank")})[name]); err != nil {
				t.Error(err)
				w.WriteHeader(http.StatusInternalServerError)
			}
		}
	}))
	t.Cleanup(hook.Close)
	guide.Run(t, path, guide.Options{
		BlocksMin: 6, Patience: 5 * time.Minute, Environment: []string{"API=" + s.platform.APIURL, "HOOK=" + hook.URL},
		After: `curl -sSf -o /dev/null "$HOOK" --data-urlencode "order=${ORDER:-}" --data-urlencode "bank=${BANK:-}"`,
	})
	require.Equal(t, block, done)
	require.Len(t, b.taken, len(s.picturesOf(moment{})), "each picture is in the document")
}

// browser takes pictures.
type browser struct {
	context.Context
	taken map[string]bool
}

func openBrowser(t *testing.T) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("hide-scrollbars", true), chromedp.Flag("lang", "en"))
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			options = append(options, chromedp.ExecPath(path))
			break
		}
	}
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(ctx)
	t.Cleanup(end)
	require.NoError(t, chromedp.Do(ctx)) // it starts, and lives as long as this context
	return &browser{Context: ctx, taken: map[string]bool{}}
}

// take opens a page, waits until it shows what it has to, and takes its picture.
func (b *browser) take(name string, p picture) error {
	if p.url == "" {
		return fmt.Errorf("the document shows %s, and nobody knows of what", name)
	}
	ctx, cancel := context.WithTimeout(b, time.Minute)
	defer cancel()
	err := chromedp.Do(ctx, chromedp.EmulateViewport(p.width, p.height), chromedp.Navigate(p.url))
	if err != nil {
		return fmt.Errorf("%s at %s: %w", name, p.url, err)
	}
	png, err := atRest(ctx, regexp.MustCompile(p.shows), p.from)
	if err != nil {
		return fmt.Errorf("%s at %s: %w", name, p.url, err)
	}
	if len(png) > pictureBytesMax {
		return fmt.Errorf("%s has %d bytes, at most %d", name, len(png), pictureBytesMax)
	}
	b.taken[name] = true
	if *updatePictures {
		return os.WriteFile(filepath.Join("../../docs/images", name), png, 0o600)
	}
	return nil
}

// numbers are what goes on changing in a page that is at rest, such as how long an execution has been running.
var numbers = regexp.MustCompile(`\d+`)

// sameMin is how many times in a row a page has to say the same, numbers apart, to be at rest.
const sameMin = 5

// atRest takes the picture of a page that shows a text, once the page is at rest.
func atRest(ctx context.Context, shows *regexp.Regexp, from string) ([]byte, error) {
	said, same := "", 0
	scroll := fmt.Sprintf(`([...document.querySelectorAll("h1, h2, h3")].find(h => %[1]q && h.innerText.startsWith(%[1]q))?.scrollIntoView(), true)`, from)
	for {
		if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](scroll)); err != nil {
			return nil, err
		}
		text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
		if err != nil {
			return nil, err
		}
		png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err != nil {
			return nil, fmt.Errorf("it does not come to rest, and shows %s: %w", said, err)
		}
		now := numbers.ReplaceAllString(text, "0")
		if now != said || !shows.MatchString(text) {
			said, same = now, 0
		}
		if same++; same == sameMin {
			return png, nil
		}
	}
}
