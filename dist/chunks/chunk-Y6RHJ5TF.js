import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import{a as r}from"./chunk-MY6HFBWK.js";var s=/[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;function i(n,t=4e3){return(n.length>t?`${n.slice(0,t)}…`:n).replace(s,u=>`\\u${u.charCodeAt(0).toString(16).padStart(4,"0")}`).replace(/^(\s*):(?=:)/,"$1: ").replaceAll("##[","## [")}r(i,"cleanLine");function l(n,t=60){let e=n.split(/\r\n|\n|\r/),u=e.slice(0,t).map(c=>i(c.replaceAll("	","  ")));return(e.length>t?[...u,"…"]:u).join(`
`)}r(l,"cleanText");var o={"&":"&amp;","<":"&lt;",">":"&gt;",'"':"&quot;","'":"&#39;"};function p(n,t=4e3){return i(n,t).replace(/[&<>"']/g,e=>o[e]??"")}r(p,"escapeHtml");function f(n){return l(n,400).split(`
`).map(t=>t.trim()===""?"&#32;":p(t)).join(`
`)}r(f,"escapeHtmlLines");export{i as a,l as b,p as c,f as d};
