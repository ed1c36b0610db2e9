import { ask, element, Failed, word } from "./page";

export async function signIn(): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) {
    history.replaceState(null, "", location.pathname); // it is of use once, and stays in no history
    try {
      await ask("POST", "/api/enter", { token });
      location.assign("/");
    } catch {
      element("local").textContent = word("open_link");
    }
    return;
  }
  const form = document.getElementById("form");
  if (!form) return;
  // Not before somebody listens: a browser would send the password by itself.
  element<HTMLButtonElement>("enter").disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    try {
      await ask("POST", "/api/sign-in", { name: form.get("name"), password: form.get("password") });
      location.assign("/");
    } catch (error) {
      const code = error instanceof Failed ? error.code : "wrong";
      element("wrong").textContent = word(code === "too_many_attempts" ? code : "wrong");
    }
  });
}
