/** Opens the page. */
import "./style.css"
import { Page } from "./Page.ts"

const root = document.querySelector<HTMLElement>("#page")
if (root !== null) await Page.open(root)
