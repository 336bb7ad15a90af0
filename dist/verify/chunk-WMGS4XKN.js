export{c18_a as a,c18_b as b}from"./run.js";
