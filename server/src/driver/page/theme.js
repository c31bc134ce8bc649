// Before anything is drawn: the colours that were chosen on this device. Not a module, since modules wait for the page.
try {
  document.documentElement.dataset.theme = JSON.parse(localStorage.getItem("sally.driver.theme")) ?? "dark";
} catch {
  // Storage is forbidden here, or somebody else's: the page stays dark.
}
