export{c18_a as a,c18_b as b,c18_c as c}from"./run.js";
