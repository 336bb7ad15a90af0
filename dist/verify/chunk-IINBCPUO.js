export{c7_a as a,c7_b as b,c7_c as c}from"./run.js";
