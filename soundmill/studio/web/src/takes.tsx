// Takes of a set, one after another, for reviewers: hear, accept, reject.

import { render } from "preact";
import { TakesPage } from "./takes-page.tsx";

const place = document.getElementById("takes")!;
render(<TakesPage name={place.dataset["of"]!} />, place);
