export{c17_a as a,c17_b as b,c17_c as c}from"./run.js";
